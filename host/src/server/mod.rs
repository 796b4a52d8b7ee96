//! The server: from a listening socket to connections, and to the end of them all.

mod accept;
mod admission;
mod answer;
mod http;
mod routes;
mod site;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use self::site::Site;
use crate::actor::Actor;
use crate::config::{Config, Limits};
use crate::guest::{self, LoadError, Runtime, RuntimeError, Template};

/// A server that listens, and serves when it is run.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    site: Arc<Site>,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct StartError(#[from] Why);

#[derive(Debug, thiserror::Error)]
enum Why {
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    #[error(transparent)]
    Component(#[from] LoadError),
    #[error("cannot listen on {address}: {}", advice(.cause))]
    Listen { address: SocketAddr, cause: std::io::Error },
    #[error("{0} is not a folder: --static needs the folder with the files to serve")]
    StaticFiles(String),
}

/// How a server has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Every client was told and has gone.
    Drained,
    /// So many clients were still there when the time was over.
    Abandoned(usize),
}

impl Server {
    /// Loads the component, makes its first instance, and listens.
    ///
    /// Must be called, and [run](Self::run), inside a tokio runtime. A current-thread runtime is
    /// the faster one: the events of a resource are handled one at a time anyway.
    ///
    /// # Errors
    ///
    /// [`StartError`] says what is wrong and what to do.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Ok(Self::try_start(config).await?)
    }

    async fn try_start(config: Config) -> Result<Self, Why> {
        if let Some(folder) = config.static_files.as_ref().filter(|folder| !folder.is_dir()) {
            return Err(Why::StaticFiles(folder.display().to_string()));
        }
        let Limits { max_memory, max_cpu, .. } = config.limits;
        let limits = guest::Limits { max_memory, max_cpu };
        let runtime = Runtime::start(config.cache.as_deref())?;
        let template = Template::load(&runtime, &config.component, limits)?;
        let actor = Actor::start(template).await?;
        let listen = config.listen;
        let failed = |cause| Why::Listen { address: listen, cause };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, site: Arc::new(Site::new(config, Arc::new(actor))) })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` resolves; then accepts nobody more, closes every client with 1001, and
    /// waits for them as long as the configuration says.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops accepting; connections go on until the runtime ends.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Stopped {
        tokio::select! {
            () = accept::accept(&self.listener, &self.site) => {}
            () = stop => {}
        }
        drop(self.listener);
        self.site.drain().await
    }
}

fn advice(cause: &std::io::Error) -> String {
    match cause.kind() {
        std::io::ErrorKind::AddrInUse => {
            "another program listens there; stop it or choose another address with --listen".into()
        }
        std::io::ErrorKind::PermissionDenied => {
            "not permitted; ports below 1024 need privileges, choose a higher one with --listen"
                .into()
        }
        std::io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address; 0.0.0.0 listens on all that it has".into()
        }
        _ => cause.to_string(),
    }
}
