//! Tells a client what the host knows of it.

use ws_guest::{Client, Handler, Result, clients};

#[derive(Default)]
struct About;

impl Handler for About {
    fn received_text(&mut self, client: Client, message: String) -> Result {
        let told = match message.as_str() {
            "request" => format!("{:#?}", client.request()),
            "cookie" => {
                let request = client.request();
                request
                    .and_then(|request| request.header("Cookie").map(str::to_owned))
                    .unwrap_or_default()
            }
            "clients" => clients().len().to_string(),
            "buffered" => {
                client.send_text("12345")?;
                format!("{:?}", client.buffered())
            }
            "stranger" => {
                let stranger = Client::from_id(client.id() + 1000);
                format!(
                    "{:?} {:?} {:?}",
                    stranger.send_text("?"),
                    stranger.buffered(),
                    stranger.request()
                )
            }
            "environment" => {
                let all = std::env::vars().map(|(name, value)| format!("{name}={value}"));
                all.collect::<Vec<_>>().join(" ")
            }
            "world" => format!(
                "environment {} files {} network {}",
                std::env::vars().count(),
                std::fs::read_dir("/").is_ok(),
                std::net::TcpStream::connect("127.0.0.1:9").is_ok(),
            ),
            other => match other.strip_prefix("header ") {
                Some(name) => {
                    let headers = client.request().map(|request| request.headers);
                    let of_name =
                        headers.unwrap_or_default().into_iter().filter(|(told, _)| told == name);
                    let values =
                        of_name.map(|(_, value)| String::from_utf8_lossy(&value).into_owned());
                    values.collect::<Vec<_>>().join(" | ")
                }
                None => other.to_owned(),
            },
        };
        Ok(client.send_text(&told)?)
    }
}

ws_guest::export!(About);
