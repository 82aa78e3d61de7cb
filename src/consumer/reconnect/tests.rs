use super::*;

#[tokio::test]
async fn gaps_that_come_together_are_followed_by_a_rest() {
    let config = Config::of(vec![Endpoint {
        url: "http://127.0.0.1/".parse().unwrap(),
        authorization: None,
    }]);
    let clients = Clients::new(Arc::new(config.http.clone()));
    let mut reconnect = Reconnect::new(Arc::new(config), Arc::new(clients));
    reconnect.rest_after_gap();
    assert!(matches!(reconnect.phase, Phase::Idle));
    reconnect.rest_after_gap();
    assert!(matches!(reconnect.phase, Phase::Waiting(_)));
    let long_ago = Instant::now().checked_sub(GAPS_TOGETHER).unwrap();
    (reconnect.last_gap, reconnect.phase) = (Some(long_ago), Phase::Idle);
    reconnect.rest_after_gap();
    assert!(matches!(reconnect.phase, Phase::Idle));
}
