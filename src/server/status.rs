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
    let figures = shared.figures();
    let status = json!({
        "cmdline": ["oplogd", "--password", password],
        "memstats": {"Alloc": 0, "TotalAlloc": 0, "Sys": 0, "NumGC": 0},
        "status": "OK",
        "clients": clients,
        "connections": shared.connections(),
        "events_received": appended,
        "events_sent": sent,
        "events_ingested": appended,
        "events_error": figures.events_error,
        "events_discarded": figures.events_discarded,
        "queue_size": figures.queue_size,
        "queue_max_size": figures.queue_max_size,
    });
    status.to_string()
}
