//! What `GET /status` answers: figures of the server, in the form of `oplogd`.

use serde_json::json;

use super::shared::Shared;

/// The JSON of the answer. Like Go's `cmdline`, it holds the password.
pub(super) fn status(shared: &Shared) -> String {
    let password = shared.password.as_deref().unwrap_or_default();
    let (appended, sent, clients) = {
        let model = shared.model();
        (model.appended(), model.sent(), model.subscribers())
    };
    let status = json!({
        "cmdline": ["oplogd", "--password", password],
        "memstats": {"Alloc": 0, "TotalAlloc": 0, "Sys": 0, "NumGC": 0},
        "status": "OK",
        "clients": clients,
        "connections": shared.connections(),
        "events_received": appended,
        "events_sent": sent,
        "events_ingested": appended,
        "events_error": 0,
        "events_discarded": 0,
        "queue_size": 0,
        "queue_max_size": 100_000,
    });
    status.to_string()
}
