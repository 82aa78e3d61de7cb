//! What `GET /status` answers: figures of the server, in the form of `oplogd`.

use serde_json::json;

use super::agent::Agent;

/// The JSON of the answer. Like Go's `cmdline`, it holds the password.
pub(super) fn status(agent: &Agent) -> String {
    let password = agent.config.password.as_deref().unwrap_or_default();
    let (appended, sent, clients) = {
        let model = agent.model();
        (model.appended(), model.sent(), model.subscribers())
    };
    let figures = agent.figures();
    let status = json!({
        "cmdline": ["oplogd", "--password", password],
        "memstats": {"Alloc": 0, "TotalAlloc": 0, "Sys": 0, "NumGC": 0},
        "status": "OK",
        "clients": clients,
        "connections": agent.connections(),
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
