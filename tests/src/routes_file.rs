//! Writes the `routes.toml` of a test.

use std::net::SocketAddr;

/// One route of the table.
#[derive(Debug, Clone)]
pub struct RouteSpec {
    name: String,
    path: String,
    stage: String,
    more: Vec<String>,
}

impl RouteSpec {
    /// A route at stage `monolith`.
    pub fn new(name: &str, path: &str) -> Self {
        let stage = "monolith".to_owned();
        Self { name: name.to_owned(), path: path.to_owned(), stage, more: Vec::new() }
    }

    /// Where the route stands at the start.
    #[must_use]
    pub fn stage(mut self, stage: &str) -> Self {
        stage.clone_into(&mut self.stage);
        self
    }

    /// Any other line of the route's table: `canary = { percent = 30, sticky = "header:x-api-key" }`.
    #[must_use]
    pub fn with(mut self, line: &str) -> Self {
        self.more.push(line.to_owned());
        self
    }

    fn to_toml(&self) -> String {
        let Self { name, path, stage, more } = self;
        let head =
            format!("[[routes]]\nname = \"{name}\"\npath = \"{path}\"\nstage = \"{stage}\"\n");
        more.iter().fold(head, |text, line| text + line + "\n")
    }
}

/// What the table says besides its routes.
#[derive(Debug, Clone)]
pub struct TableSpec {
    /// Where the proxy listens for clients.
    pub http: SocketAddr,
    /// Where it listens for `migrate`.
    pub admin: SocketAddr,
    /// Admin addresses of further proxies that follow the table.
    pub more_admin: Vec<SocketAddr>,
    /// Base URLs of the old backend, `monolith`.
    pub old: Vec<String>,
    /// Base URLs of the new backend, `agent-service`.
    pub new: Vec<String>,
    /// Path of the old backend's health check.
    pub old_health: &'static str,
    /// Path of the new backend's health check.
    pub new_health: &'static str,
    /// Further lines of both backends' tables.
    pub backend_lines: Vec<String>,
    /// Further lines of the new backend's table.
    pub new_lines: Vec<String>,
    /// Lines of `[defaults]`.
    pub default_lines: Vec<String>,
    /// Further lines of `[listen]`.
    pub listen_lines: Vec<String>,
    /// Whole further tables: `[limits]`, `[mirroring]`.
    pub sections: Vec<String>,
    /// The routes.
    pub routes: Vec<RouteSpec>,
}

impl TableSpec {
    /// The file's text, as the format's reference has it.
    pub fn to_toml(&self) -> String {
        let admins = [self.admin].into_iter().chain(self.more_admin.iter().copied());
        let proxies: Vec<String> = admins.map(|admin| format!("http://{admin}")).collect();
        let routes: Vec<String> = self.routes.iter().map(RouteSpec::to_toml).collect();
        format!(
            "# The table of a test. This comment must survive every flip.\n\
             format = 1\n\n\
             [listen]\nhttp = \"{http}\"\nadmin = \"{admin}\"\n{listen}\n\
             [proxies]\nadmin = {proxies:?}\n\n\
             {sections}\n\
             [backends.monolith]\ntargets = {old:?}\nhealth = \"{old_health}\"\n{lines}\n\n\
             [backends.agent-service]\ntargets = {new:?}\nhealth = \"{new_health}\"\n{lines}\n{new_lines}\n\n\
             [defaults]\nold = \"monolith\"\nnew = \"agent-service\"\nfallback = \"monolith\"\n{defaults}\n\n\
             {routes}",
            http = self.http,
            admin = self.admin,
            listen = self.listen_lines.iter().fold(String::new(), |text, line| text + line + "\n"),
            sections = self.sections.join("\n"),
            old = self.old,
            new = self.new,
            old_health = self.old_health,
            new_health = self.new_health,
            lines = self.backend_lines.join("\n"),
            new_lines = self.new_lines.join("\n"),
            defaults = self.default_lines.join("\n"),
            routes = routes.join("\n"),
        )
    }
}
