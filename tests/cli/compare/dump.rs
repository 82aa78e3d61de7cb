//! The dump: what is read, and what is refused before anything is asked of the server.

use std::path::Path;

use oplog_tail::server::object::Change;

use super::scene::{Scene, line, record};
use crate::support::{Tail, at_once};

/// A scene with one object, and whether the server was asked for anything.
fn with_one() -> Scene {
    let scene = Scene::new();
    scene.has(Change::insert("video", "1"), 1000);
    scene
}

#[test]
fn a_line_that_cannot_be_read_ends_it_before_the_server_is_asked() {
    let good = line("video/1", 1000);
    at_once(
        [
            ("not json\n".to_owned(), "line 3: expected"),
            (good.replace("id", "di"), "line 3: missing field `id`"),
            (good.replace("2026-", "26-"), "line 3: timestamp \"26-"),
            (good[..20].to_owned(), "line 3: EOF"),
            ("\u{1b}]0;x\n".into(), r"\u{1b}]0;x"),
        ],
        |(bad, problem)| {
            let scene = with_one();
            let dump = format!("{good}{good}{bad}");
            let finished = scene.tail().stdin_bytes(dump).run().exit(2);
            let finished = finished.stdout_is::<&str>(&[]).stderr_is_prefixed();
            finished.stderr_has("--compare -: ").stderr_has(problem);
            assert_eq!(scene.requests().len(), 0);
        },
    );
}

#[test]
fn a_file_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dump");
    std::fs::write(
        &file,
        format!("\u{feff}{}\r\n\r\n", line("video/2", 1000).trim()),
    )
    .unwrap();
    let scene = with_one();
    let tail = |path: &Path| Tail::url(scene.url()).arg("--compare").arg(path);
    let finished = scene.while_it_ticks(|| tail(&file).run());
    finished.exit(8).stdout_is(&[
        record("missing", "video/1", Some(1000), None),
        record("extra", "video/2", None, Some(1000)),
    ]);
    let finished = tail(&folder.path().join("nothing")).run().exit(2);
    finished.stderr_has("nothing: No such file or directory");
    tail(folder.path()).run().exit(2).stderr_has("directory");
}

#[test]
fn of_an_object_that_comes_twice_the_later_line_counts() {
    let scene = with_one();
    let twice = [line("video/1", 2000), line("video/1", 1000)].concat();
    scene
        .differs(twice, &[])
        .stderr_has("compared 1 objects in the dump with 1 on the server");
}
