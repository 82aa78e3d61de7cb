use super::*;
use crate::http;

#[tokio::test]
async fn gaps_that_come_together_are_followed_by_a_rest() {
    let endpoint = Endpoint {
        url: "http://127.0.0.1/".parse().unwrap(),
        authorization: None,
    };
    let clients = Arc::new(Clients::new(Arc::new(http::Config::direct())));
    let mut reconnect = Reconnect::new(&Config::of(vec![endpoint]), None, clients);
    reconnect.rest_after_gap();
    assert!(matches!(reconnect.phase, Phase::Idle));
    reconnect.rest_after_gap();
    assert!(matches!(reconnect.phase, Phase::Waiting(_)));
    let long_ago = Instant::now().checked_sub(GAPS_TOGETHER).unwrap();
    (reconnect.last_gap, reconnect.phase) = (Some(long_ago), Phase::Idle);
    reconnect.rest_after_gap();
    assert!(matches!(reconnect.phase, Phase::Idle));
}
