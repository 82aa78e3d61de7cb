//! A terminal that the program runs on, and what a person would see on it.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::Stdio;
use std::sync::{Arc, Condvar, Mutex};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize};

use super::PATIENCE;

/// A terminal of its own. What is written to it is taken in at once.
pub struct Terminal {
    /// The side of the person.
    front: Arc<OwnedFd>,
    /// The side of the program; kept open, so that the terminal outlives the program.
    back: File,
    shown: Arc<Shown>,
}

#[derive(Default)]
struct Shown {
    bytes: Mutex<Vec<u8>>,
    changed: Condvar,
}

impl Terminal {
    /// A terminal with so many columns, and rows enough.
    pub fn with_columns(columns: u16) -> Self {
        let front = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&front).expect("our terminal");
        unlockpt(&front).expect("our terminal");
        let name = ptsname(&front, Vec::new()).expect("its name");
        let not_controlling = rustix::fs::OFlags::NOCTTY.bits();
        let back = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(i32::try_from(not_controlling).expect("a small flag"))
            .open(name.to_str().expect("an ASCII name"))
            .expect("the other side");
        let front = Arc::new(front);
        let shown = Arc::new(Shown::default());
        let (reader, taken) = (Arc::clone(&front), Arc::clone(&shown));
        // Ends with the test program: nothing tells it that the terminal is not needed any more.
        std::thread::spawn(move || {
            let mut file = File::from(reader.try_clone().expect("a descriptor"));
            drop(reader);
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = file.read(&mut buffer) {
                taken.bytes.lock().unwrap().extend(&buffer[..count]);
                taken.changed.notify_all();
            }
        });
        let terminal = Self { front, back, shown };
        terminal.resize(columns);
        terminal
    }

    /// The window gets this wide.
    pub fn resize(&self, columns: u16) {
        let size = Winsize {
            ws_row: 50,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&self.front, size).expect("a terminal has a size");
    }

    /// A pager takes the terminal over, or gives it back.
    pub fn set_taken(&self, is_taken: bool) {
        let mut modes = tcgetattr(&self.back).expect("a terminal has modes");
        let modes_of_a_pager = LocalModes::ICANON | LocalModes::ECHO;
        modes.local_modes.set(modes_of_a_pager, !is_taken);
        tcsetattr(&self.back, OptionalActions::Now, &modes).expect("they can be set");
    }

    /// The person types this.
    pub fn type_in(&self, keys: &str) {
        rustix::io::write(&self.front, keys.as_bytes()).expect("the terminal is open");
    }

    /// For an input or output of the program.
    pub fn stdio(&self) -> Stdio {
        self.back.try_clone().expect("a descriptor").into()
    }

    /// Everything that was written to it.
    pub fn written(&self) -> String {
        String::from_utf8(self.shown.bytes.lock().unwrap().clone()).expect("UTF-8")
    }

    /// Waits until what was written is as wanted, and returns it.
    #[track_caller]
    pub fn wait_for(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let written = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        let bytes = self.shown.bytes.lock().unwrap();
        let lacks = |bytes: &mut Vec<u8>| !wanted(&written(bytes));
        let changed = &self.shown.changed;
        let bytes = changed
            .wait_timeout_while(bytes, PATIENCE, lacks)
            .unwrap()
            .0;
        let text = written(&bytes);
        drop(bytes);
        assert!(
            wanted(&text),
            "the terminal never got {what}, only {text:?}"
        );
        text
    }

    /// Waits until this was written.
    #[track_caller]
    pub fn wait_for_text(&self, text: &str) -> String {
        self.wait_for(text, |written| written.contains(text))
    }

    /// What was written to it after this text. For a program that has ended or stopped.
    pub fn shown_after(&self, text: &str) -> String {
        let written = self.to_its_end();
        let (_, after) = written.split_once(text).expect("the text is there");
        after.to_owned()
    }

    /// What is to be seen on it, without empty lines at the end. For a program that has ended
    /// or stopped.
    pub fn screen(&self) -> Vec<String> {
        seen(&self.to_its_end())
    }

    /// All that a program has written that has ended or stopped.
    fn to_its_end(&self) -> String {
        // What was written before is read before this, and nothing of the program's.
        const END: &str = "\u{4}end\u{4}";
        std::io::Write::write_all(&mut &self.back, END.as_bytes()).expect("the terminal is open");
        let written = self.wait_for("its end", |written| written.ends_with(END));
        written.strip_suffix(END).expect("it ends there").to_owned()
    }
}

/// What a terminal shows after this: just enough of one for a window that is wide enough for
/// every line.
///
/// # Panics
/// At anything it does not know.
pub fn seen(written: &str) -> Vec<String> {
    let mut lines = vec![Vec::new()];
    let (mut row, mut column) = (0, 0);
    let mut rest = written.chars();
    while let Some(c) = rest.next() {
        match c {
            '\r' => column = 0,
            '\n' => {
                row += 1;
                lines.resize(lines.len().max(row + 1), Vec::new());
            }
            '\u{1b}' => {
                assert_eq!(rest.next(), Some('['), "{written:?}");
                match rest.find(char::is_ascii_alphabetic) {
                    Some('m') => {}
                    Some('K') => lines[row].truncate(column),
                    Some('J') => {
                        lines.truncate(row + 1);
                        lines[row].truncate(column);
                    }
                    other => panic!("{other:?} in {written:?}"),
                }
            }
            c => {
                let line: &mut Vec<char> = &mut lines[row];
                line.resize(line.len().max(column + 1), ' ');
                line[column] = c;
                column += 1;
            }
        }
    }
    while lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    lines.into_iter().map(String::from_iter).collect()
}
