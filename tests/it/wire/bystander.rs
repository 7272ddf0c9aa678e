//! Two people who talk about kitchens while somebody else attacks the server, and must not notice.

use crate::support::client::Client;
use crate::support::server::TestServer;

/// A conversation that has nothing to do with the test around it.
pub struct Bystander {
    carla: Client,
    daan: Client,
    chat: String,
    said: u64,
}

impl Bystander {
    pub async fn in_conversation(server: &TestServer) -> Self {
        let (carla, daan, chat) = server.pair("Carla", "Daan").await;
        let mut bystander = Self { carla, daan, chat, said: 0 };
        bystander.undisturbed().await;
        bystander
    }

    /// Both say something, both hear it, and everything said so far is still there, once and in order.
    pub async fn undisturbed(&mut self) {
        for _ in 0..2 {
            let text = format!("over de keuken, {}", self.said);
            let ack = self.carla.send(&self.chat, &text).await;
            assert!(!ack.dup);
            assert_eq!(self.daan.expect_text(&text).await["seq"], ack.seq);
            std::mem::swap(&mut self.carla, &mut self.daan);
            self.said += 1;
        }
        let expected: Vec<String> = (0..self.said).map(|number| format!("over de keuken, {number}")).collect();
        assert_eq!(self.carla.chat(&self.chat).texts(), expected);
        assert_eq!(self.carla.chat(&self.chat).events, self.daan.chat(&self.chat).events);
    }
}
