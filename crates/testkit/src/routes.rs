//! Configurations of a gateway in front of a [`Simulator`](crate::Simulator): provider, routes, and whatever else a
//! test sets. The YAML is written out here; what the settings mean is the gateway's business.

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::flyball::Setup;
use crate::simulator::Simulator;

/// The credential that the gateway shows to the simulator. Nothing that a caller sees may hold it.
pub const PROVIDER_KEY: &str = "sk-simulator-4d1f0c9a77e24b53";

/// The variable that the gateway reads [`PROVIDER_KEY`] from.
const VARIABLE: &str = "SIMULATOR_KEY";

/// Providers and routes of a configuration.
#[derive(Clone, Debug)]
pub struct Routes {
    providers: String,
    routes: String,
    sections: String,
}

impl Routes {
    /// A configuration with the provider `sim` and the route `sim`, whose model is the one that takes its script
    /// from the first line of the prompt (`sim: status=429`).
    pub fn through(simulator: &Simulator) -> Self {
        let provider =
            format!("kind: openai, base_url: {:?}, api_key: \"env:{VARIABLE}\"", simulator.base_url());
        let empty = Routes { providers: String::new(), routes: String::new(), sections: String::new() };
        empty.provider("sim", &provider).route("sim", "provider: sim, model: sim")
    }

    /// A provider on a port of the loopback interface, with the same credential.
    #[must_use]
    pub fn provider_at(self, name: &str, address: SocketAddr) -> Self {
        let settings =
            format!("kind: openai, base_url: \"http://{address}/v1\", api_key: \"env:{VARIABLE}\"");
        self.provider(name, &settings)
    }

    /// A provider with these settings, as the inside of a YAML flow mapping.
    #[must_use]
    pub fn provider(mut self, name: &str, settings: &str) -> Self {
        // Writing to a string cannot fail.
        let _written = writeln!(self.providers, "  {name}: {{ {settings} }}");
        self
    }

    /// A route with these settings, as the inside of a YAML flow mapping.
    #[must_use]
    pub fn route(mut self, name: &str, settings: &str) -> Self {
        let _written = writeln!(self.routes, "  {name}: {{ {settings} }}");
        self
    }

    /// Further lines of the file, as `timeouts: { first_byte: 1s }`.
    #[must_use]
    pub fn section(mut self, yaml: &str) -> Self {
        let _written = writeln!(self.sections, "{yaml}");
        self
    }

    /// The configuration file. A gateway with it stops without delay.
    pub fn yaml(&self) -> String {
        let Routes { providers, routes, sections } = self;
        format!("drain: {{ delay: 0s, limit: 10s }}\n{sections}providers:\n{providers}routes:\n{routes}")
    }

    /// Puts configuration and credential into a start.
    pub fn setup(&self, start: Setup) -> Setup {
        start.config(self.yaml()).env(VARIABLE, PROVIDER_KEY)
    }
}
