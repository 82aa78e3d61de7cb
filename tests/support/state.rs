//! A state file in a folder of its own.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::wait_for;

/// A state file in a folder of its own, which goes when this is dropped.
#[derive(Debug)]
pub struct State {
    folder: TempDir,
    path: PathBuf,
}

impl State {
    /// The folder without the file.
    pub fn absent() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("state");
        Self { folder, path }
    }

    /// The file with this content.
    pub fn holding(content: impl AsRef<[u8]>) -> Self {
        let state = Self::absent();
        std::fs::write(&state.path, content).expect("a writable folder");
        state
    }

    /// The file with this content, in a folder of its own within `outer`.
    pub fn in_folder(outer: &Path, content: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir_in(outer).expect("a writable folder");
        let path = folder.path().join("state");
        std::fs::write(&path, content).expect("a writable folder");
        Self { folder, path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it holds; `None` where there is no file.
    pub fn content(&self) -> Option<String> {
        std::fs::read_to_string(&self.path).ok()
    }

    /// Asserts that it holds exactly this and that no other file is beside it.
    #[track_caller]
    pub fn is(&self, content: &str) {
        assert_eq!(self.content().as_deref(), Some(content), "the state file");
        assert_eq!(self.files(), ["state"]);
    }

    /// Waits until what the file holds is as it should be; `None` where there is no file.
    #[track_caller]
    pub fn wait_until(&self, is_right: impl Fn(Option<&str>) -> bool) {
        wait_for(
            || format!("the state file stays at {:?}", self.content()),
            || is_right(self.content().as_deref()).then_some(()),
        );
    }

    /// Waits until it holds this.
    #[track_caller]
    pub fn wait_for(&self, content: &str) {
        wait_for(
            || {
                format!(
                    "the state file never held {content:?} but {:?}",
                    self.content()
                )
            },
            || (self.content().as_deref() == Some(content)).then_some(()),
        );
    }

    /// The names of the files in its folder, sorted.
    pub fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).expect("the folder");
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("an entry").file_name().display().to_string())
            .collect();
        names.sort();
        names
    }
}
