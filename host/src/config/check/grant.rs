//! Checks the grants of a resource.

use std::collections::BTreeMap;
use std::path::Path;

use super::{At, Checked, time};
use crate::config::{Folder, Grant, HttpLimits, InstancePer, KeyvalueLimits, schema};

/// Resolves the paths of granted folders relative to the folder of the configuration.
pub(super) fn in_folder(base: &Path, grants: Vec<Grant>) -> Vec<Grant> {
    let absolute = |grant| match grant {
        Grant::Folder(folder) => Grant::Folder(Folder { path: base.join(&folder.path), ..folder }),
        Grant::Keyvalue(file) => Grant::Keyvalue(base.join(file)),
        Grant::Timers(file) => Grant::Timers(base.join(file)),
        other => other,
    };
    grants.into_iter().map(absolute).collect()
}

/// Adds the defaults of the limits on HTTP requests.
pub(super) fn http(at: At, limits: Option<schema::Http>, is_granted: bool) -> Checked<HttpLimits> {
    let default = HttpLimits::default();
    let Some(limits) = limits else { return Ok(default) };
    if !is_granted {
        let why = "needs a host in grant, such as grant = [\"https://api.example.com\"]";
        return Err(at.invalid("http", why));
    }
    Ok(HttpLimits {
        connect: time(limits.connect_timeout, default.connect),
        first_byte: time(limits.first_byte_timeout, default.first_byte),
        between_bytes: time(limits.between_bytes_timeout, default.between_bytes),
        max_response: limits.max_response.map_or(default.max_response, |size| size.as_u64()),
    })
}

/// Adds the defaults of the limits on the key-value store.
pub(super) fn keyvalue(
    at: At,
    limits: Option<schema::Keyvalue>,
    is_granted: bool,
) -> Checked<KeyvalueLimits> {
    let default = KeyvalueLimits::default();
    let Some(limits) = limits else { return Ok(default) };
    if !is_granted {
        let why =
            "needs a file in grant, such as grant = [\"keyvalue:store\"] or [\"timers:store\"]";
        return Err(at.invalid("keyvalue", why));
    }
    Ok(KeyvalueLimits {
        max_size: limits.max_size.map_or(default.max_size, |size| size.as_u64()),
        max_keys: limits.max_keys.unwrap_or(default.max_keys),
    })
}

/// Checks the grants of a resource and the values for `wasi:config`.
pub(super) fn check(at: At, grants: &[Grant], config: &BTreeMap<String, String>) -> Checked<()> {
    for (number, grant) in grants.iter().enumerate() {
        let others = &grants[..number];
        match grant {
            Grant::Folder(folder) => check_folder(at, folder, others)?,
            Grant::Keyvalue(file) => {
                if others.iter().any(|other| matches!(other, Grant::Keyvalue(_))) {
                    let why = "has two files for keys and values: a resource can have only one";
                    return Err(at.invalid("grant", why));
                }
                check_file(at, file)?;
            }
            Grant::Timers(file) => {
                if others.iter().any(|other| matches!(other, Grant::Timers(_))) {
                    let why = "has two files for durable timers: a resource can have only one";
                    return Err(at.invalid("grant", why));
                }
                check_file(at, file)?;
            }
            other if others.contains(other) => {
                return Err(at.invalid("grant", format!("has {:?} twice", other.to_string())));
            }
            _ => {}
        }
    }
    if !config.is_empty() && !grants.contains(&Grant::Config) {
        let why = "needs grant = [\"config\"], without which the handler cannot read it";
        return Err(at.invalid("config", why));
    }
    Ok(())
}

/// If durable timers are granted, checks that the instances can have them.
pub(super) fn check_timers(at: At, grants: &[Grant], instance_per: InstancePer) -> Checked<()> {
    let has_timers = grants.iter().any(|grant| matches!(grant, Grant::Timers(_)));
    if has_timers && instance_per == InstancePer::Client {
        let why = "has \"timers:FILE\", but with instance-per = \"client\" an instance ends with its client, and no \
                   timer outlives it: use instance-per = \"path\" or \"resource\"";
        return Err(at.invalid("grant", why));
    }
    Ok(())
}

/// Checks the file of the key-value store or of durable timers. The file need not exist, but its folder must.
fn check_file(at: At, file: &Path) -> Checked<()> {
    let folder = match file.parent() {
        // The file is in the current folder.
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        folder => folder.unwrap_or(Path::new("/")),
    };
    if !folder.is_dir() {
        let why = format!(
            "names the file {}, but there is no folder {}",
            file.display(),
            folder.display()
        );
        return Err(at.invalid("grant", why));
    }
    if file.exists() && !file.is_file() {
        let why = format!("names {}, which is not a regular file", file.display());
        return Err(at.invalid("grant", why));
    }
    Ok(())
}

fn check_folder(at: At, folder: &Folder, others: &[Grant]) -> Checked<()> {
    let has_same_name =
        |other: &Grant| matches!(other, Grant::Folder(other) if other.name == folder.name);
    if others.iter().any(has_same_name) {
        let name = &folder.name;
        let why = format!(
            "has two folders that the handler would see at {name:?}: give one of them another name with \
             \"folder:PATH::NAME\""
        );
        return Err(at.invalid("grant", why));
    }
    if !folder.path.is_dir() {
        let path = folder.path.display();
        return Err(at.invalid("grant", format!("names {path}, which is not a folder")));
    }
    Ok(())
}
