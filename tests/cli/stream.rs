//! What a long run comes to: what its reader knows in the end, and what it takes to run.

use crate::support::{
    Replica, Script, ScriptServer, State, Tail, fixture, insert_numbered, number_of,
};

#[test]
fn a_reader_ends_up_with_the_objects_of_the_server() {
    let replication = fixture("replication.sse");
    // Cut after the second object: the rest comes as a fallback from its second.
    let text = std::str::from_utf8(&replication).unwrap();
    let cut = text.match_indices("\n\n").nth(2).unwrap().0 + 2;
    let server = ScriptServer::start([
        Script::events(&text[..cut]),
        Script::events(&text[text.find("id: 1795456509994").unwrap()..])
            .send(fixture("live.sse"))
            .stall(),
    ]);
    let finished = Tail::url(server.url())
        .args(["--start-id", "0", "--until-idle", "1s"])
        .run()
        .exit(0);
    let replica = Replica::of(&finished.stdout_lines());
    assert_eq!(
        replica.names(),
        ["user/u1", "video/v1", "video/v2", "video/v5"]
    );
    let timestamp = r#""timestamp":"2026-11-23T17:55:17.996Z""#;
    assert!(replica["video/v1"].contains(timestamp), "{replica:?}");
}

#[test]
fn a_relative_state_file_lies_in_the_current_folder() {
    let state = State::absent();
    let server = ScriptServer::start([Script::events(insert_numbered(1)).stall()]);
    Tail::url(server.url())
        .args(["-n", "1", "--state", "state"])
        .directory(state.folder())
        .run()
        .exit(0);
    state.is(&crate::support::operation_id(1));
}

/// Well above what the program needs, well below what was sent.
#[cfg(target_os = "linux")]
const MEMORY_KIB: u64 = 128 * 1024;

#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_with_the_stream() {
    // A reader that falls behind brings more requests: whether an operation is still there, and, after
    // a pause, for what comes after one.
    let server = ScriptServer::repeating(Script::choosing(|request| {
        let after = request.last_event_id().map_or(0, number_of);
        Script::events("").flood_from(after + 1, insert_numbered)
    }));
    let mut run = Tail::url(server.url()).spawn();
    run.wait_until_stdout_is_full();
    for _ in 0..200_000 {
        run.read_line();
    }
    let peak = run.memory_kib("VmHWM");
    assert!(peak < MEMORY_KIB, "{peak} KiB");
}

#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_with_a_line() {
    let script = Script::events("data: ").flood(|_| vec![b'x'; 16 << 10]);
    let server = ScriptServer::repeating(script);
    let mut run = Tail::url(server.url()).spawn();
    run.wait_for_stderr("16 MiB");
    let peak = run.memory_kib("VmHWM");
    assert!(peak < MEMORY_KIB, "{peak} KiB");
}
