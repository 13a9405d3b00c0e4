//! Real reverse proxies, from the Debian packages `nginx` and `haproxy`.
//!
//! In a configuration, `@NAME@` stands for an address to listen on: a free port of 127.0.0.1, one for each name.

use crate::child::{Child, StartError, deref_to_child, start_on_free_ports};
use crate::{http, port, spawner};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// A running proxy; killed when dropped.
pub struct ReverseProxy {
    child: Child,
    addresses: BTreeMap<String, String>,
    // Dropped last: it is the working directory of the process.
    _folder: TempDir,
}

deref_to_child!(ReverseProxy);

/// What the page at `@ready@` contains, so that no other server is taken for this one.
const READY: &str = "testkit proxy ";

impl ReverseProxy {
    /// Starts nginx with this content of its block `http`.
    pub async fn nginx(servers: &str) -> Self {
        Self::start(servers, nginx_config, |config| {
            let mut command = spawner::command("nginx");
            command.args(["-e", "stderr", "-c"]).arg(config);
            command
        })
        .await
    }

    /// Starts HAProxy with these sections.
    pub async fn haproxy(sections: &str) -> Self {
        Self::start(sections, haproxy_config, |config| {
            let mut command = spawner::command("haproxy");
            command.args(["-db", "-f"]).arg(config);
            command
        })
        .await
    }

    async fn start(
        text: &str,
        config: fn(text: &str, name: &str, folder: &Path) -> String,
        command: fn(config: &Path) -> std::process::Command,
    ) -> Self {
        start_on_free_ports(async || {
            let folder = TempDir::new().unwrap();
            let name = format!("{READY}{}", folder.path().display());
            let (whole, addresses) = with_addresses(&config(text, &name, folder.path()));
            let file = folder.path().join("proxy.conf");
            fs::write(&file, whole).unwrap();
            let child = Child::spawn("proxy", command(&file), &folder.path().join("log"));
            let mut proxy = Self { child, addresses, _folder: folder };
            proxy.ready(&name).await?;
            Ok(proxy)
        })
        .await
    }

    async fn ready(&mut self, name: &str) -> Result<(), StartError> {
        let url = format!("http://{}/", self.address("ready"));
        let is_ready = async || http::send("GET", &url, "").await.is_ok_and(|page| page.body == name);
        self.child.ready_when(is_ready).await
    }

    /// Returns the address `127.0.0.1:PORT` of `@NAME@`.
    pub fn address(&self, name: &str) -> String {
        self.addresses.get(name).unwrap_or_else(|| panic!("the configuration has no @{name}@")).clone()
    }

    /// Returns `ws://127.0.0.1:PORT` of `@NAME@`.
    pub fn url(&self, name: &str) -> String {
        format!("ws://{}", self.address(name))
    }
}

/// Replaces each `@NAME@`.
fn with_addresses(text: &str) -> (String, BTreeMap<String, String>) {
    let mut addresses = BTreeMap::new();
    let parts = text.split('@').enumerate().map(|(index, part)| match index % 2 {
        0 => part.to_owned(),
        _ => {
            addresses.entry(part.to_owned()).or_insert_with(|| format!("127.0.0.1:{}", port::free())).clone()
        }
    });
    let replaced = parts.collect();
    (replaced, addresses)
}

/// One process without a master, so that killing it ends it.
fn nginx_config(servers: &str, name: &str, folder: &Path) -> String {
    let folder = folder.display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: String =
        temporary.iter().map(|kind| format!("{kind}_temp_path {folder}/{kind};\n")).collect();
    format!(
        "daemon off;\nmaster_process off;\npid {folder}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}\
         server {{ listen @ready@; location / {{ return 200 \"{name}\"; }} }}\n{servers}\n}}\n"
    )
}

fn haproxy_config(sections: &str, name: &str, _: &Path) -> String {
    format!(
        "global\n log stdout format raw local0\n{sections}\nlisten ready\n mode http\n bind @ready@\n \
         timeout client 5s\n timeout server 5s\n timeout connect 5s\n \
         http-request return status 200 content-type text/plain string \"{name}\"\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_gets_one_address() {
        let (text, addresses) = with_addresses("bind @a@\nbind @b@\nbind @a@");
        assert_eq!(addresses.len(), 2);
        assert_eq!(text, format!("bind {0}\nbind {1}\nbind {0}", addresses["a"], addresses["b"]));
    }
}
