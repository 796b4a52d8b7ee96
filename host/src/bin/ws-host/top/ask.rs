//! Asks a host for its status.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;
use ws_host::config::AdminToken;
use ws_host::{Tabs, last_cause, printable};

use super::status::Status;

/// How long connecting and reading the whole response may take. A working host answers within milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// The maximum size of a response, in bytes. All lists in a response are limited, except the list of the resources.
/// Each resource takes less than a kilobyte.
const MAX_RESPONSE: usize = 16 << 20;

/// The maximum length of a refusal on the screen, in characters. A sentence fits, a web page does not.
const MAX_REFUSAL: usize = 200;

/// The admin address of a host. The connection stays open between requests.
pub(super) struct Host {
    client: Client<HttpConnector, Empty<Bytes>>,
    address: SocketAddr,
    status: Uri,
    token: Option<Token>,
}

struct Token {
    file: PathBuf,
    text: String,
}

/// Why there is no status. Each error message is a single line.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error("cannot reach {address}: {cause}")]
    Unreachable { address: SocketAddr, cause: String },
    #[error("{address} sent no response within {} seconds", PATIENCE.as_secs())]
    TimedOut { address: SocketAddr },
    #[error("{address} did not answer in HTTP: {cause}")]
    NotHttp { address: SocketAddr, cause: String },
    #[error("the admin address {address} requires a token")]
    TokenNeeded { address: SocketAddr },
    #[error("the admin address {address} rejected the token in {}", file.display())]
    WrongToken { address: SocketAddr, file: PathBuf },
    #[error("{address} answered GET /status with 404")]
    NoStatus { address: SocketAddr },
    #[error("{address} answered {status}: {text}")]
    Refused { address: SocketAddr, status: StatusCode, text: String },
    #[error("cannot read the response of {address}: {cause}")]
    Unreadable { address: SocketAddr, cause: String },
}

impl AskError {
    /// Returns the error together with what the user can do about it.
    pub(super) fn explained(self) -> anyhow::Error {
        let advice = match self {
            Self::Unreachable { .. } => {
                "Check that the server is running, and that this is its --admin address, which it prints when it starts"
            }
            Self::TimedOut { .. } => {
                "Check that this is the --admin address of a server, and that no firewall blocks it"
            }
            Self::NotHttp { .. } => {
                "Check that this is the --admin address of a server. An admin address does not use TLS. A server that \
                 is stopping also closes its connections"
            }
            Self::TokenNeeded { .. } => "Pass the file with the token: --admin-token FILE",
            Self::WrongToken { .. } => {
                "Pass the file that the server was given as --admin-token. If the file has changed, reload the \
                 server's configuration, so that the server reads the file again"
            }
            Self::NoStatus { .. } => {
                "Check that this is the --admin address of a server. If it is, this version of the server has no GET \
                 /status: use the figures of GET /metrics"
            }
            Self::Refused { status: StatusCode::FORBIDDEN, .. } => {
                "From other machines, an admin address can be used only with a token, or through a tunnel"
            }
            Self::Refused { .. } => "Check that this is the --admin address of a server",
            Self::Unreadable { .. } => {
                "Use the same version of ws-host as the server: this one may be a different version"
            }
        };
        anyhow::Error::msg(format!("{self}\n{advice}"))
    }
}

impl Host {
    /// Returns the host with this admin address. Reads the file with its token.
    ///
    /// # Errors
    ///
    /// An error if the file cannot be read, or contains no token.
    pub(super) fn new(address: SocketAddr, token: Option<PathBuf>) -> Result<Self> {
        let token = token.map(read_token).transpose()?;
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(PATIENCE));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        let status = format!("http://{address}/status").parse::<Uri>();
        let status =
            status.with_context(|| format!("cannot use {address}: remove its scope (%NAME)"))?;
        Ok(Self { client, address, status, token })
    }

    /// Asks for the status.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the request.
    pub(super) async fn status(&self) -> Result<Status, AskError> {
        let address = self.address;
        timeout(PATIENCE, self.ask()).await.unwrap_or(Err(AskError::TimedOut { address }))
    }

    async fn ask(&self) -> Result<Status, AskError> {
        let address = self.address;
        let mut request = Request::get(&self.status);
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.text));
        }
        let request =
            request.body(Empty::new()).expect("all characters of a token are allowed in a header");
        let response = self.client.request(request).await.map_err(|error| {
            let cause = printable(&last_cause(&error), Tabs::Escaped);
            match error.is_connect() {
                true => AskError::Unreachable { address, cause },
                false => AskError::NotHttp { address, cause },
            }
        })?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_RESPONSE).collect().await;
        let unreadable = |cause: String| AskError::Unreadable {
            address,
            cause: printable(&cause, Tabs::Escaped),
        };
        let body = body.map_err(|error| unreadable(last_cause(error.as_ref())))?.to_bytes();
        match (status, &self.token) {
            (StatusCode::OK, _) => {
                serde_json::from_slice(&body).map_err(|error| unreadable(error.to_string()))
            }
            (StatusCode::UNAUTHORIZED, None) => Err(AskError::TokenNeeded { address }),
            (StatusCode::UNAUTHORIZED, Some(token)) => {
                Err(AskError::WrongToken { address, file: token.file.clone() })
            }
            (StatusCode::NOT_FOUND, _) => Err(AskError::NoStatus { address }),
            _ => Err(AskError::Refused { address, status, text: refusal(&body) }),
        }
    }
}

/// Returns the token in a file. White space around the token is ignored.
fn read_token(file: PathBuf) -> Result<Token> {
    let text = read_text(&file).with_context(|| format!("--admin-token {}", file.display()))?;
    Ok(Token { file, text })
}

fn read_text(file: &Path) -> Result<String> {
    let text = std::fs::read_to_string(file).context("cannot be read")?.trim().to_owned();
    AdminToken::new(&text)?;
    Ok(text)
}

/// Returns the first line of a refusal, cut to [`MAX_REFUSAL`] characters and made printable.
fn refusal(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().next().unwrap_or_default();
    printable(&line.chars().take(MAX_REFUSAL).collect::<String>(), Tabs::Escaped)
}
