use serde_json::json;

use super::super::{
    apex::{Apex, site_token},
    node,
};

#[tokio::test]
async fn a_channel_and_its_members_are_known_on_all_nodes() {
    let [one, other] = node::two().await;
    let (mut here, mut there) = (Apex::open(&one).await, Apex::open(&other).await);
    here.join("example").await;
    there.join("example").await;
    assert_eq!((one.hub.channel("example"), one.hub.channels().len()), (other.hub.channel("example"), 1));
    for (client, user) in [(&mut here, "1"), (&mut there, "2")] {
        client.send(&json!([{ "action": "authenticate", "token": site_token(user, user) }])).await;
        client.is_silent().await;
    }
    here.send(&json!([{ "action": "message_user", "uuid": "2", "message": "psst" }])).await;
    for client in [&mut here, &mut there] {
        client.is_told("psst").await;
    }
    // Its members on other nodes count, and only one node removes what nobody uses.
    one.hub.remove_quiet_channels(std::time::Duration::ZERO).await;
    assert!(one.hub.channel("example").is_some());
    for client in [&mut here, &mut there] {
        client.send(&json!([{ "action": "leave_channel", "channel_name": "example" }])).await;
        client.is_silent().await;
    }
    let removed = async {
        while other.hub.channel("example").is_some() {
            one.hub.remove_quiet_channels(std::time::Duration::ZERO).await;
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), removed).await.expect("it is removed in time");
}
