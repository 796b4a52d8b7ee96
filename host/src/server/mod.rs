//! The server: from a listening socket to connections, and to the end of them all.

mod accept;
mod admin;
mod admission;
mod answer;
mod http;
mod routes;
mod site;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use self::admin::Admin;
use self::site::Site;
use crate::actor::{self, Code};
use crate::config::{self, Config, InstancePer, Watch};
use crate::guest::{self, Density, LoadError, Runtime, RuntimeError, Source, Template};
use crate::reload::{Reloader, Reloads};
use crate::resource::Resource;
use crate::worker::Workers;

/// A server that listens, and serves when it is run.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    site: Arc<Site>,
    reloads: Reloads,
    reloader: Reloader,
    admin: Option<Admin>,
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
    #[error("the admin address cannot be {address}: {}", advice(.cause))]
    Admin { address: SocketAddr, cause: std::io::Error },
    #[error("cannot start a worker: {0}; fewer (--workers) may do")]
    Worker(std::io::Error),
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
    /// Loads the component, tries whether an instance of it can be made, and listens.
    ///
    /// Must be called, and [run](Self::run), inside a tokio runtime, which becomes the first worker.
    /// One like [`runtime`](crate::runtime), of a single thread, is the fastest.
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
        let density = match config.instance_per {
            InstancePer::Resource { .. } => Density::Few,
            InstancePer::Path | InstancePer::Client => {
                Density::Many { max_memory: config.limits.max_memory }
            }
        };
        let runtime = Arc::new(Runtime::start(config.cache.as_deref(), density)?);
        let limits = guest_limits(&config);
        let source = Source::read(&config.component)?;
        let template = Template::compile(&runtime, source, limits)?;
        template.try_out().await?;
        let resource = Arc::new(resource(&config, template)?);
        let (mut reloads, reloader) =
            Reloads::new(Arc::clone(&resource), runtime, config.component.clone(), limits);
        if config.watch == Watch::On {
            reloads.watch();
        }
        let listen = config.listen;
        let failed = |cause| Why::Listen { address: listen, cause };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let admin = match config.admin {
            None => None,
            Some(address) => Some(
                Admin::start(address, reloader.clone())
                    .await
                    .map_err(|cause| Why::Admin { address, cause })?,
            ),
        };
        let site = Arc::new(Site::new(config, resource));
        Ok(Self { listener, address, site, reloads, reloader, admin })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The admin address that it listens on, if there is one.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Admin::address)
    }

    /// Reloads the component while the server runs.
    pub fn reloader(&self) -> Reloader {
        self.reloader.clone()
    }

    /// Serves until `stop` resolves; then accepts nobody more, closes every client with 1001, and
    /// waits for them as long as the configuration says.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops accepting; connections go on until the runtime ends.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Stopped {
        let Self { listener, site, reloads, admin, .. } = self;
        let hibernate_after = site.config.timeouts.hibernate_after;
        let serve_admin = async {
            match admin {
                Some(admin) => admin.serve().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = accept::accept(&listener, &site) => {}
            () = reloads.run() => {}
            () = Arc::clone(&site.resource).sweep(hibernate_after) => {}
            () = serve_admin => {}
            () = stop => {}
        }
        drop(listener);
        site.drain().await
    }
}

fn guest_limits(config: &Config) -> guest::Limits {
    let config::Limits { max_memory, max_cpu, max_time, .. } = config.limits;
    guest::Limits { max_memory, max_cpu, max_time }
}

fn resource(config: &Config, template: Arc<Template>) -> Result<Resource, Why> {
    let config::Limits { max_clients, max_instances, max_state, .. } = config.limits;
    let limits = actor::Limits { max_instances, max_state };
    let code = Code::new(config.path.as_str().to_owned(), template, limits);
    let workers = match config.instance_per {
        // No more than have something to do.
        InstancePer::Resource { instances } => config.workers.min(instances),
        InstancePer::Path | InstancePer::Client => config.workers,
    };
    let workers = Workers::start(workers.get()).map_err(Why::Worker)?;
    Ok(Resource::new(code, config.instance_per, max_clients, workers))
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
