//! The memory that is available to this process.

use std::path::Path;

/// The amount that is assumed if the kernel does not report it, in bytes. It is the memory of a small machine.
const UNKNOWN: u64 = 1 << 30;

/// A limit of this many bytes or more counts as no limit. For a group without a limit, cgroup v1 reports 2^63, rounded
/// down to a page.
const UNLIMITED: u64 = 1 << 60;

/// Returns how much memory this process may use, in bytes: the memory of the machine, or the limit of the control group
/// if that is lower.
pub(super) fn available() -> u64 {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let groups = read("/proc/self/cgroup");
    let of_group = of_group(Path::new("/sys/fs/cgroup"), &groups);
    of_machine(&read("/proc/meminfo")).into_iter().chain(of_group).min().unwrap_or(UNKNOWN)
}

fn of_machine(meminfo: &str) -> Option<u64> {
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    total.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1 << 10)
}

/// Returns the lowest limit of the control groups (cgroup v1 or v2) that contain this process. A group without a limit
/// has the text `max`, or a number that is larger than the memory of any machine ([`UNLIMITED`]).
fn of_group(root: &Path, groups: &str) -> Option<u64> {
    let limits = groups.lines().flat_map(|line| {
        // The format is `number:controllers:path`. Version 2 names no controllers.
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or("/"));
        let (root, file) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            _ if controllers.split(',').any(|controller| controller == "memory") => {
                (root.join("memory"), "memory.limit_in_bytes")
            }
            _ => return Vec::new(),
        };
        // In a container, this may be a path that exists only outside the container. In that case, the process's group
        // inside the container is the root.
        let groups =
            Path::new(path.trim_start_matches('/')).ancestors().map(|path| root.join(path));
        groups.filter_map(|group| std::fs::read_to_string(group.join(file)).ok()).collect()
    });
    limits.filter_map(|limit| limit.trim().parse().ok()).filter(|limit| *limit < UNLIMITED).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_the_machine_is_read() {
        assert_eq!(of_machine("MemTotal:       16384 kB\nMemFree: 1 kB\n"), Some(16 << 20));
        assert_eq!(of_machine(""), None);
        assert!(available() > 1 << 20);
    }

    #[test]
    fn lowest_limit_of_all_groups_counts() -> std::io::Result<()> {
        let root = tempfile::tempdir()?;
        let write = |file: &str, text: &str| {
            let file = root.path().join(file);
            std::fs::create_dir_all(file.parent().expect("a folder"))?;
            std::fs::write(file, text)
        };
        write("a/b/memory.max", "max\n")?;
        write("a/memory.max", "1000\n")?;
        write("memory/c/memory.limit_in_bytes", "9223372036854771712\n")?;
        write("memory/memory.limit_in_bytes", "500\n")?;
        let of = |groups| of_group(root.path(), groups);
        assert_eq!(of("0::/a/b\n"), Some(1000));
        assert_eq!(of("0::/\n"), None);
        assert_eq!(of("4:cpu:/\n3:hugetlb,memory:/c\n"), Some(500));
        assert_eq!(of("3:memory:/docker/of/the/machine\n0::/\n"), Some(500));
        assert_eq!(of(""), None);
        // This number stands for no limit. If it counted as a limit, it would be used where /proc/meminfo is hidden,
        // for example by `ProcSubset=pid` of systemd.
        write("memory/memory.limit_in_bytes", "9223372036854771712\n")?;
        assert_eq!(of("3:memory:/c\n"), None);
        Ok(())
    }
}
