//! The manifests in `examples/operating/kubernetes` agree with the configuration that they mount, and ws-host accepts
//! it.

use std::process::Command;

use anyhow::{Context, Result};
use ws_host_test_support::{component, host_binary, root};
use yaml_rust2::{Yaml, YamlLoader};

use crate::configured::Configuration;

fn read(file: &str) -> Result<String> {
    let path = root().join("examples/operating/kubernetes").join(file);
    std::fs::read_to_string(&path).with_context(|| path.display().to_string())
}

fn manifest(file: &str) -> Result<Yaml> {
    YamlLoader::load_from_str(&read(file)?)?.pop().with_context(|| format!("{file} is empty"))
}

/// Returns a string of the server's settings.
fn setting(key: &str) -> Result<String> {
    let configuration = read("ws-host.toml")?;
    let line = configuration.lines().find_map(|line| line.strip_prefix(&format!("{key} = \"")));
    let value = line.and_then(|rest| rest.strip_suffix('"')).with_context(|| key.to_owned())?;
    Ok(value.to_owned())
}

#[test]
fn configuration_in_the_config_map_is_accepted() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let token = folder.path().join("token");
    // What `openssl rand -hex 32` prints.
    std::fs::write(&token, "5a".repeat(32))?;
    let text = read("ws-host.toml")?
        .replace("/handlers/handler.wasm", &component("echo").display().to_string())
        .replace("/etc/ws-host-admin/token", &token.display().to_string())
        .replace("/cache/ws-host", &folder.path().join("cache").display().to_string());
    let configuration = Configuration::new(&text)?;
    let output = Command::new(host_binary())
        .args(["--check", "--config"])
        .arg(configuration.file())
        .output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

#[test]
fn pods_drain_before_they_are_killed_and_are_asked_where_they_answer() -> Result<()> {
    let deployment = manifest("deployment.yaml")?;
    let pod = &deployment["spec"]["template"]["spec"];
    let container = &pod["containers"][0];

    let seconds = |value: &Yaml| value.as_i64().and_then(|seconds| u64::try_from(seconds).ok());
    let grace = seconds(&pod["terminationGracePeriodSeconds"]).context("no grace period")?;
    let sleep = seconds(&container["lifecycle"]["preStop"]["sleep"]["seconds"]).context("sleep")?;
    let drain = setting("drain-timeout")?;
    let drain: u64 = drain.strip_suffix('s').context("not in seconds")?.parse()?;
    assert!(sleep + drain < grace, "{sleep} s and {drain} s of {grace} s");

    let ports = container["ports"].as_vec().context("no ports")?;
    for (name, key) in [("websocket", "listen"), ("health", "health"), ("admin", "admin")] {
        let port = ports.iter().find(|port| port["name"].as_str() == Some(name)).context(name)?;
        let port = port["containerPort"].as_i64().context(name)?;
        assert_eq!(setting(key)?, format!("0.0.0.0:{port}"));
    }
    for (probe, path) in
        [("startupProbe", "/healthz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")]
    {
        let request = &container[probe]["httpGet"];
        assert_eq!(request["port"].as_str(), Some("health"), "{probe}");
        assert_eq!(request["path"].as_str(), Some(path), "{probe}");
    }
    let limit = container["resources"]["limits"]["memory"].as_str().context("no limit")?;
    let limit: u64 = limit.strip_suffix("Gi").context("not in GiB")?.parse()?;
    // Compiling a component may take 2 GiB, and the rest of the process needs some more.
    assert!(limit > 2, "{limit} GiB");
    Ok(())
}

#[test]
fn admin_token_is_in_a_mounted_secret_that_the_user_can_read() -> Result<()> {
    let deployment = manifest("deployment.yaml")?;
    let pod = &deployment["spec"]["template"]["spec"];
    let named = |list: &Yaml| -> Result<Yaml> {
        let mut all = list.as_vec().context("no list")?.iter();
        let found = all.find(|one| one["name"].as_str() == Some("admin-token"));
        Ok(found.context("no admin-token")?.clone())
    };
    let folder = named(&pod["containers"][0]["volumeMounts"])?;
    let folder = folder["mountPath"].as_str().context("no path")?;
    assert_eq!(setting("admin-token")?, format!("{folder}/token"));
    let secret = named(&pod["volumes"])?;
    let secret = &secret["secret"];
    let name = secret["secretName"].as_str().context("no name")?;
    let command = format!("kubectl create secret generic {name} --from-literal=token=");
    assert!(read("kustomization.yaml")?.contains(&command));
    // The page has it before the command that needs the secret.
    let page = std::fs::read_to_string(root().join("docs/installing.md"))?;
    let (before, _) = page.split_once("\nkubectl apply --kustomize").context("no command")?;
    assert!(before.contains(&format!("\n{command}")), "{command}");
    Ok(())
}

#[test]
fn prometheus_finds_the_admin_address_of_each_pod_and_has_the_token() -> Result<()> {
    let monitor = manifest("pod-monitor.yaml")?;
    let deployment = manifest("deployment.yaml")?;
    let pod = &deployment["spec"]["template"];
    assert_eq!(monitor["spec"]["selector"]["matchLabels"], pod["metadata"]["labels"]);
    let endpoint = &monitor["spec"]["podMetricsEndpoints"][0];
    let ports = pod["spec"]["containers"][0]["ports"].as_vec().context("no ports")?;
    assert!(ports.iter().any(|port| port["name"] == endpoint["port"]), "{endpoint:?}");
    let token = &endpoint["authorization"]["credentials"];
    let volumes = pod["spec"]["volumes"].as_vec().context("no volumes")?;
    assert!(
        volumes.iter().any(|volume| volume["secret"]["secretName"] == token["name"]),
        "{token:?}"
    );
    assert_eq!(token["key"].as_str(), Some("token"));
    // The alert rules expect this job.
    let relabeling = &endpoint["relabelings"][0];
    assert_eq!(relabeling["targetLabel"].as_str(), Some("job"));
    assert_eq!(relabeling["replacement"].as_str(), Some("ws-host"));
    Ok(())
}

#[test]
fn selectors_name_the_pods_of_the_deployment() -> Result<()> {
    let deployment = manifest("deployment.yaml")?;
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    assert!(labels["app.kubernetes.io/name"].as_str().is_some(), "{labels:?}");
    let selectors = [
        deployment["spec"]["selector"]["matchLabels"].clone(),
        manifest("service.yaml")?["spec"]["selector"].clone(),
        manifest("disruption-budget.yaml")?["spec"]["selector"]["matchLabels"].clone(),
    ];
    for selector in selectors {
        assert_eq!(&selector, labels);
    }
    let listed = manifest("kustomization.yaml")?;
    let listed = listed["resources"].as_vec().context("no resources")?;
    let listed: Vec<_> = listed.iter().filter_map(Yaml::as_str).collect();
    assert_eq!(listed, ["deployment.yaml", "service.yaml", "disruption-budget.yaml"]);
    Ok(())
}
