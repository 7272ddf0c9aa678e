//! What the moderation does at the doors: refused where it is written, nothing stored, the part named.

use serde_json::json;
use uuid::Uuid;

use crate::support::on_both;
use crate::support::server::TestServer;

on_both!(contact_data_does_not_enter_a_chat, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let channel = format!("chat:{chat}");
    let said = |text: &str| json!({ "cid": Uuid::new_v4(), "text": text });
    for (text, violation, span) in [
        ("Bel me op 06 12 34 56 78", "phone", [10, 24]),
        ("é jan at gmail dot com", "email", [2, 22]),
        ("kijk op kamernet.nl", "links", [8, 19]),
    ] {
        let refused = anna.refused("publish", Some(&channel), said(text), 42200).await;
        assert_eq!(refused["d"]["violations"], json!([violation]), "{text}");
        assert_eq!(refused["d"]["span"], json!(span), "{text}");
    }
    // Split over messages: the last part is refused, and asking again for an earlier one is answered.
    let cid = Uuid::new_v4().to_string();
    anna.publish(&chat, &cid, "mijn nummer is 0612").await;
    anna.publish(&chat, &Uuid::new_v4().to_string(), "3456").await;
    let refused = anna.refused("publish", Some(&channel), said("78"), 42200).await;
    assert_eq!(refused["d"]["span"], json!([0, 2]));
    assert!(anna.publish(&chat, &cid, "mijn nummer is 0612").await.dup);
    anna.publish(&chat, &Uuid::new_v4().to_string(), "De huur is 650.50 euro, tot 18.30!").await;
    for text in ["mijn nummer is 0612", "3456", "De huur is 650.50 euro, tot 18.30!"] {
        bram.expect_text(text).await;
    }
    bram.refute("message").await;
});

on_both!(an_edit_and_the_name_of_a_group_are_read_as_well, |server: TestServer| async move {
    let (mut anna, mut bram, chat) = server.pair("Anna", "Bram").await;
    let channel = format!("chat:{chat}");
    let sent = anna.publish(&chat, &Uuid::new_v4().to_string(), "hoi").await;
    let edit = json!({ "mid": sent.mid, "rev": 1, "text": "mail jan@gmail.com" });
    anna.refused("edit", Some(&channel), edit, 42200).await;
    bram.expect_text("hoi").await;
    bram.refute("edit").await;
    let (anna, bram) = (server.known("Anna"), server.known("Bram"));
    let group = json!({ "title": "app 0612345678", "members": [bram.id] });
    let refused = server.ask(&anna, "POST", "/api/groups", Some(&group)).await.expect(422);
    assert_eq!(refused["name"], "rejected_by_rule");
});
