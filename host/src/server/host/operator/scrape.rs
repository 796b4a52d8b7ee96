//! A scrape: the values of all metrics at one moment. Counters are read from the cells that hold them. Most gauges have
//! no cells, so they are measured here.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::about;
use crate::actor::{Actor, ActorStatus, InstanceStatus};
use crate::metrics::catalog::{self, Metric};
use crate::metrics::{Exposition, LabelCounters, ResourceMetrics, Totals, lost_log_lines};
use crate::server::host::HostState;
use crate::server::host::resources::ServedResource;

/// Returns all metrics of a host, as text.
pub(in crate::server) fn scrape(state: &HostState) -> String {
    let mut exposition = Exposition::default();
    for served in state.registry.all() {
        scrape_resource(&served, &mut exposition);
    }
    scrape_host(state, &mut exposition);
    scrape_workers(state, &mut exposition);
    if let Some(traces) = &state.context.traces {
        traces.scrape(&mut exposition);
    }
    if let Some(cluster) = &state.context.cluster {
        cluster.scrape(&mut exposition);
        exposition.sample(&catalog::RELAYED_CLIENTS, &[], state.relayed.count());
        exposition.sample(&catalog::PEERS_REFUSED, &[], state.relayed.refused_peers.get());
    }
    exposition.into_text()
}

fn scrape_host(state: &HostState, to: &mut Exposition) {
    let (budget, metrics) = (&state.context.budget, &state.context.metrics);
    to.sample(&catalog::UNKNOWN_PATHS, &[], metrics.unknown_paths.get());
    to.sample(&catalog::BUFFERED_BYTES, &[], budget.used());
    to.sample(&catalog::MAX_BUFFERED_BYTES, &[], budget.limit());
    to.sample(&catalog::ACCEPT_ERRORS, &[], metrics.accept_errors.get());
    by_label(to, &catalog::TLS_HANDSHAKES, &[], &metrics.tls_handshakes);
    let expiry = metrics.certificate_expiry.get();
    let expiry = expiry.map_or(0, |expiry| expiry.load(Ordering::Relaxed));
    to.sample(&catalog::CERTIFICATE_EXPIRY, &[], expiry);
    let is_rejected = metrics.is_config_rejected.load(Ordering::Relaxed);
    to.sample(&catalog::CONFIG_REJECTED, &[], u8::from(is_rejected));
    to.sample(&catalog::HTTP2_CONNECTIONS, &[], metrics.http2_connections.get());
    by_label(to, &catalog::HTTP2_STREAMS, &[], &metrics.http2_streams);
    to.sample(&catalog::LOG_LINES_LOST, &[], lost_log_lines());
    to.sample(&catalog::START_TIME, &[], metrics.started);
    to.sample(&catalog::BUILD_INFO, &[about::VERSION, about::commit(), about::WASMTIME], 1);
}

fn scrape_workers(state: &HostState, to: &mut Exposition) {
    let workers = &state.context.workers;
    to.sample(&catalog::WORKERS_STUCK, &[], workers.stuck().len());
    for worker in workers.all() {
        let name = worker.name();
        to.sample(&catalog::WORKER_BUSY, &[name], worker.busy_time().as_secs_f64());
        let longest = worker.longest_slice().as_secs_f64();
        to.sample(&catalog::WORKER_LONGEST_SLICE, &[name], longest);
        to.sample(&catalog::WORKER_ACTORS, &[name], worker.actors());
    }
}

fn scrape_resource(served: &ServedResource, to: &mut Exposition) {
    let (name, resource) = (served.name(), served.resource());
    let metrics = resource.code().metrics();
    to.sample(&catalog::HANDSHAKES_WAITING, &[name], served.waiting_handshakes());
    to.sample(&catalog::TOPICS, &[name], resource.topics().count());
    to.sample(&catalog::PUBLISHED, &[name], resource.topics().published());
    scrape_actors(name, &resource.actors(), to);
    scrape_labels(name, metrics, to);
    scrape_counters(name, metrics, to);
    scrape_messages(name, metrics, to);
    scrape_events(name, metrics, to);
}

/// Adds the gauges of all actors of a resource.
fn scrape_actors(name: &str, actors: &[Arc<Actor>], to: &mut Exposition) {
    let (mut clients, mut outgoing) = (0, 0);
    let (mut live, mut hibernated, mut total) = (0, 0, ActorStatus::default());
    for actor in actors {
        clients += actor.clients().len();
        outgoing += actor.outgoing_connections();
        let status = actor.status();
        match status.instance {
            InstanceStatus::Live => live += 1,
            InstanceStatus::Hibernated => hibernated += 1,
            InstanceStatus::None => {}
        }
        total.hibernated_bytes += status.hibernated_bytes;
        total.checkpoint_bytes += status.checkpoint_bytes;
        total.timers += status.timers;
    }
    to.sample(&catalog::CLIENTS, &[name], clients);
    to.sample(&catalog::OUTGOING, &[name], outgoing);
    to.sample(&catalog::ACTORS, &[name], actors.len());
    to.sample(&catalog::INSTANCES, &[name, "live"], live);
    to.sample(&catalog::INSTANCES, &[name, "hibernated"], hibernated);
    to.sample(&catalog::SAVED_STATES, &[name, "hibernated"], total.hibernated_bytes);
    to.sample(&catalog::SAVED_STATES, &[name, "checkpoint"], total.checkpoint_bytes);
    to.sample(&catalog::TIMERS, &[name], total.timers);
}

fn scrape_labels(name: &str, metrics: &ResourceMetrics, to: &mut Exposition) {
    by_label(to, &catalog::HANDSHAKES, &[name], &metrics.handshakes);
    by_label(to, &catalog::REFUSED, &[name], &metrics.refused);
    by_label(to, &catalog::DISCONNECTIONS, &[name], &metrics.disconnections);
    by_label(to, &catalog::CLOSE_CODES, &[name, "client"], &metrics.received_codes);
    by_label(to, &catalog::CLOSE_CODES, &[name, "host"], &metrics.sent_codes);
    by_label(to, &catalog::REFUSED_SENDS, &[name], &metrics.refused_sends);
    by_label(to, &catalog::FAULTS_TOTAL, &[name], &metrics.faults);
    by_label(to, &catalog::SAVES, &[name], &metrics.saves);
    by_label(to, &catalog::RELOADS, &[name], &metrics.reloads);
    let is_rejected = metrics.is_component_rejected.load(Ordering::Relaxed);
    to.sample(&catalog::COMPONENT_REJECTED, &[name], u8::from(is_rejected));
    by_label(to, &catalog::SWAPS_TOTAL, &[name], &metrics.swaps);
}

fn scrape_counters(name: &str, metrics: &ResourceMetrics, to: &mut Exposition) {
    for (metric, counter) in [
        (&catalog::CLOSED_FOR_ROOM, &metrics.closed_for_room),
        (&catalog::CLOSED_FOR_SLOWNESS, &metrics.closed_for_slowness),
        (&catalog::RESTARTS, &metrics.restarts),
        (&catalog::WAKES, &metrics.wakes),
        (&catalog::HIBERNATIONS, &metrics.hibernations),
        (&catalog::CHECKPOINTS, &metrics.checkpoints),
    ] {
        to.sample(metric, &[name], counter.get());
    }
    to.sample(&catalog::INSTANCE_MEMORY, &[name], metrics.instance_memory.get());
    let mut pauses = Totals::default();
    pauses.add(&metrics.reload_pause);
    to.histogram(&catalog::RELOAD_PAUSE, &[name], &pauses);
}

fn scrape_messages(name: &str, metrics: &ResourceMetrics, to: &mut Exposition) {
    let (mut sums, mut waiting) = ([0; 5], 0);
    for worker in metrics.workers() {
        waiting += worker.waiting();
        for (sum, count) in sums.iter_mut().zip(worker.traffic()) {
            *sum += count;
        }
    }
    let counted = [
        &catalog::RECEIVED_MESSAGES,
        &catalog::RECEIVED_BYTES,
        &catalog::SENT_MESSAGES,
        &catalog::SENT_BYTES,
        &catalog::DELIVERIES,
    ];
    for (metric, sum) in counted.into_iter().zip(sums) {
        to.sample(metric, &[name], sum);
    }
    to.sample(&catalog::WAITING_BYTES, &[name], waiting);
}

/// Adds the durations of events. A kind of event that never occurred gets no samples, because a histogram consists of
/// many samples.
fn scrape_events(name: &str, metrics: &ResourceMetrics, to: &mut Exposition) {
    let workers = metrics.workers();
    for (index, event) in catalog::EVENTS.iter().enumerate() {
        let (mut time, mut cpu) = (Totals::default(), Totals::default());
        for worker in &workers {
            time.add(&worker.event(index).time);
            cpu.add(&worker.event(index).cpu);
        }
        if time.count() > 0 {
            to.histogram(&catalog::GUEST_SECONDS, &[name, event], &time);
            to.histogram(&catalog::GUEST_CPU_SECONDS, &[name, event], &cpu);
        }
    }
}

/// Adds a sample for each value of the metric's last label.
fn by_label(to: &mut Exposition, metric: &Metric, labels: &[&str], counters: &LabelCounters) {
    for (value, count) in counters.all() {
        to.sample(metric, &[labels, &[value]].concat(), count);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    use crate::allocations::connect;
    use crate::{Host, config};

    /// If a scrape waited for locks, a task that holds a client or an actor for long would delay the scrape, and the
    /// scrape would delay all other tasks.
    #[tokio::test]
    async fn scrape_waits_for_no_client_and_no_actor() -> anyhow::Result<()> {
        let component =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/components/echo.wasm");
        assert!(component.is_file(), "run `make components` first");
        let resource = config::ResourceConfig::new("/", component)?;
        let host = Host::start(config::HostConfig::new(vec![resource])).await?;
        let _stream = connect(&host).await?;
        let actor = host.state.registry.all()[0].resource().actors().remove(0);
        let client = actor.clients().all().remove(0);
        let _turn = actor.turn().await;
        let _outbound = client.outbound();
        let (text, scraped) = sync_channel(1);
        std::thread::spawn(move || text.send(host.metrics()));
        let text = scraped.recv_timeout(Duration::from_secs(30))?;
        assert!(text.contains("ws_host_clients{resource=\"echo\"} 1\n"), "{text}");
        assert!(text.contains("ws_host_instances{resource=\"echo\",state=\"live\"} 1\n"), "{text}");
        Ok(())
    }
}
