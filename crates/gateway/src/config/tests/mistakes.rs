//! Bad configurations and what is said about them, word for word.

use super::*;

const DEMO: &str = "providers: { demo: { kind: demo } }\n";

/// A configuration and the beginnings of its mistakes, in order.
const TABLE: &[(&str, &[&str])] = &[
    // Keys.
    ("lisen: 127.0.0.1:1\n", &["flyball.yaml:1: unknown key 'lisen': did you mean 'listen'?"]),
    (
        "limits:\n  headers: 50\n  model_bdy: 1MiB\n",
        &["flyball.yaml:3: limits: unknown key 'model_bdy': did you mean 'model_body'?"],
    ),
    ("model_body: 1MiB\n", &["flyball.yaml:1: unknown key 'model_body': did you mean 'limits.model_body'?"]),
    ("drain: { zzzzz: 1 }\n", &["flyball.yaml:1: drain: unknown key 'zzzzz': known here: delay, limit"]),
    (
        "listen: 127.0.0.1:1\nlog: {}\nlisten: 127.0.0.1:2\n",
        &["flyball.yaml:3: duplicate key 'listen', first at flyball.yaml:1: keep one of them"],
    ),
    (
        "limits: &l { headers: 50 }\ndrain:\n  <<: *l\n",
        &["flyball.yaml:3: drain: merged keys (<<) are not allowed"],
    ),
    (
        "providers: { demo: { kind: demo } }\nroutes:\n  a:\n    provider: demo\n    defaults:\n      x: 1\n      x: 2\n",
        &["flyball.yaml:7: routes.a.defaults: duplicate key 'x'"],
    ),
    (
        "providers:\n  demo:\n    kind: demo\n    base_url: https://a.example\nroutes: { a: { provider: demo } }\n",
        &["flyball.yaml:4: providers.demo: unknown key 'base_url'"],
    ),
    (
        "providers: { demo: { kind: demo } }\nroutes:\n  gpt:\n    provder: demo\n",
        &["flyball.yaml:4: routes.gpt: unknown key 'provder': did you mean 'provider'?"],
    ),
    (
        "providers: { a: {} }\n",
        &["flyball.yaml:1: providers.a: the key 'kind' is missing: add it, one of demo, openai"],
    ),
    (
        "routes:\n  gpt: { model: a }\n",
        &["flyball.yaml:2: routes.gpt: the key 'provider' is missing: add it"],
    ),
    ("tls: { cert: c.pem }\n", &["flyball.yaml:1: tls: the key 'key' is missing"]),
    // Types, ranges, forms.
    ("- a\n- b\n", &["flyball.yaml:1: the file holds a list where settings are wanted"]),
    ("a: [\n", &["flyball.yaml:"]),
    ("limits: 5\n", &["flyball.yaml:1: limits: a section is wanted here, not a number"]),
    ("listen:\n", &["flyball.yaml:1: listen: a text is wanted here, not nothing"]),
    ("listen: localhost\n", &["flyball.yaml:1: listen: not an address to listen on: write an IP address"]),
    (
        "limits:\n  headers: many\n",
        &["flyball.yaml:2: limits.headers: a whole number is wanted here, not a text"],
    ),
    (
        "limits: { headers: 1.5 }\n",
        &["flyball.yaml:1: limits.headers: a whole number is wanted here, not 1.5"],
    ),
    ("limits: { headers: -1 }\n", &["flyball.yaml:1: limits.headers: -1 is out of range: write 16 to 1000"]),
    (
        "limits: { model_body: 2GiB }\n",
        &["flyball.yaml:1: limits.model_body: 2GiB is out of range: write 1KiB to 1GiB"],
    ),
    (
        "limits: { model_body: 5 }\n",
        &["flyball.yaml:1: limits.model_body: not a size: write a whole number and B, KiB"],
    ),
    (
        "drain: { delay: 5 }\n",
        &["flyball.yaml:1: drain.delay: not a duration: write a whole number and ms, s"],
    ),
    ("drain: { delay: 1d }\n", &["flyball.yaml:1: drain.delay: 1d is out of range: write 10m or less"]),
    (
        "log: { level: warning }\n",
        &["flyball.yaml:1: log.level: 'warning' is none of the choices: did you mean 'warn'"],
    ),
    (
        "log: { level: 3 }\n",
        &["flyball.yaml:1: log.level: one of trace, debug, info, warn, error is wanted here"],
    ),
    ("stream: { on_whole_answer: bufer }\n", &["flyball.yaml:1: stream.on_whole_answer: 'bufer' is none"]),
    (
        "cors: { origins: https://a.example }\n",
        &["flyball.yaml:1: cors.origins: a list is wanted here, not a text"],
    ),
    ("cors:\n  origins:\n    - https://a.example/\n", &["flyball.yaml:3: cors.origins[0]: not an origin"]),
    (
        "safe_mode: { temperature: 3 }\n",
        &["flyball.yaml:1: safe_mode.temperature: 3 is out of range: write 0.0 to 2.0"],
    ),
    ("prices: { currency: euro }\n", &["flyball.yaml:1: prices.currency: not a currency"]),
    (
        "prices: { overrides: { gpt: { input_per_million: -1, output_per_million: 1 } } }\n",
        &[
            "flyball.yaml:1: prices.overrides.gpt: not a price pattern",
            "flyball.yaml:1: prices.overrides.gpt.input_per_million: -1 is out of range",
        ],
    ),
    ("providers: { Demo: { kind: demo } }\n", &["flyball.yaml:1: providers.Demo: not a name"]),
    (
        "providers: { a: { kind: opnai } }\n",
        &["flyball.yaml:1: providers.a.kind: 'opnai' is none of the choices: did you mean 'openai'?"],
    ),
    (
        "providers: { a: { kind: openai, base_url: \"ftp://a.example\" } }\n",
        &["flyball.yaml:1: providers.a.base_url: not a base URL"],
    ),
    (
        "providers: { a: { kind: openai, base_url: \"https://a.example/v1?x=1\" } }\n",
        &["flyball.yaml:1: providers.a.base_url: not a base URL"],
    ),
    (
        "providers: { a: { kind: openai, base_url: \"https://me:pw@a.example\" } }\n",
        &["flyball.yaml:1: providers.a.base_url: not a base URL"],
    ),
    (
        "providers: { a: { kind: openai, headers: { \"b c\": d } } }\n",
        &["flyball.yaml:1: providers.a.headers.\"b c\": not a header name"],
    ),
    (
        "providers: { a: { kind: openai, headers: { b: 5 } } }\n",
        &["flyball.yaml:1: providers.a.headers.b: not a header value"],
    ),
    // Between settings.
    (
        "providers: { openai: { kind: openai } }\nroutes:\n  gpt:\n    provider: opnai\n",
        &["flyball.yaml:4: routes.gpt.provider: there is no provider 'opnai': did you mean 'openai'?"],
    ),
    (
        "providers: { openai: { kind: openai } }\n",
        &["flyball.yaml:1: providers: no route leads to a provider"],
    ),
    ("routes: {}\n", &["flyball.yaml:1: routes: no route leads to a provider"]),
    (
        "routes:\n  a: { provider: demo, aliases: [b, c] }\n  b: { provider: demo, aliases: [c, a] }\n",
        &[
            "flyball.yaml:2: routes.a.aliases[0]: 'b' is already a name of the route 'b'",
            "flyball.yaml:3: routes.b.aliases[0]: 'c' is already a name of the route 'a'",
            "flyball.yaml:3: routes.b.aliases[1]: 'a' is already a name of the route 'a'",
        ],
    ),
    (
        "routes: { a*: { provider: demo } }\n",
        &["flyball.yaml:1: routes.a*: not a model name: write 1 to 256 visible characters without *"],
    ),
    (
        "routes: { a: { provider: demo, rename: { top_p: nucleus, nucleus: p } } }\n",
        &[
            "flyball.yaml:1: routes.a.rename.top_p: 'nucleus' is already the new or old name of a parameter: give each parameter a name of its own",
        ],
    ),
    (
        "routes: { chat: { provider: demo } }\nsafe_mode: { model: chit }\n",
        &["flyball.yaml:2: safe_mode.model: there is no route or alias 'chit': did you mean 'chat'?"],
    ),
    (
        "routes: { embed: { provider: demo, operations: [embeddings] } }\nsafe_mode: { model: embed }\n",
        &["flyball.yaml:2: safe_mode.model: the route 'embed' does not do chat"],
    ),
    (
        "routes:\n  a:\n    provider: demo\n    headers: { Authorization: x, te: y, x-flyball-cost: z, a: 1b, A: 2b }\n",
        &[
            "flyball.yaml:4: routes.a.headers.Authorization: credentials cannot be set as a header: use the provider's",
            "flyball.yaml:4: routes.a.headers.a: the same header in another spelling",
            "flyball.yaml:4: routes.a.headers.te: the gateway sets this header itself",
            "flyball.yaml:4: routes.a.headers.x-flyball-cost: the gateway sets this header itself",
        ],
    ),
    (
        "routes:\n  a:\n    provider: demo\n    defaults: { stream: true, seed: 1 }\n    rename: { a: x, b: x }\n    drop_params: [messages, seed]\n",
        &[
            "flyball.yaml:4: routes.a.defaults.stream: 'stream' belongs to the call itself",
            "flyball.yaml:5: routes.a.rename.b: 'x' is already",
            "flyball.yaml:6: routes.a.drop_params[0]: 'messages' belongs to the call itself",
            "flyball.yaml:6: routes.a.drop_params[1]: 'seed' is dropped here and set under 'defaults'",
        ],
    ),
    (
        "passthrough:\n  demo: { path: /v1/x, provider: demo, methods: [TRACE] }\n",
        &[
            "flyball.yaml:2: passthrough.demo.path: not a path of its own: write /NAME",
            "flyball.yaml:2: passthrough.demo.methods[0]: 'TRACE' is none of the choices: known here: GET, POST",
        ],
    ),
    (
        "providers: { a: { kind: openai } }\npassthrough:\n  b: { path: /b/c, provider: a }\n  c: { path: /b, provider: d }\n  d: { path: /d, provider: a, headers: { Cookie: x } }\nroutes: { d: { provider: a } }\n",
        &[
            "flyball.yaml:3: passthrough.b.path: this path lies below that of 'c'",
            "flyball.yaml:4: passthrough.c.provider: there is no provider 'd'",
            "flyball.yaml:5: passthrough.d: 'd' is already the name of a model",
            "flyball.yaml:5: passthrough.d.headers.Cookie: credentials cannot be set as a header",
        ],
    ),
    (
        "passthrough: { b: { path: /b, provider: demo } }\n",
        &["flyball.yaml:1: passthrough.b.provider: nothing can be passed to a provider of this kind"],
    ),
    (
        "listen: 127.0.0.1:1\nadmin:\n  listen: 127.0.0.1:1\n",
        &["flyball.yaml:3: admin.listen: the same address"],
    ),
    (
        "limits: { answer: 1MiB, event: 2MiB }\n",
        &["flyball.yaml:1: limits.event: larger than limits.answer, which is 1MiB"],
    ),
    (
        "policy: no.yaml\ntls:\n  cert: no.pem\n  key: no.key\nprotected:\n  corpora: [no.txt]\n",
        &[
            "flyball.yaml:1: policy: the file no.yaml cannot be read",
            "flyball.yaml:3: tls.cert: the file no.pem cannot be read",
            "flyball.yaml:4: tls.key: the file no.key cannot be read",
            "flyball.yaml:6: protected.corpora[0]: the file no.txt cannot be read",
        ],
    ),
    (
        "prices: { overrides: { dmo/x: { input_per_million: 1, output_per_million: 1 } } }\n",
        &["flyball.yaml:1: prices.overrides.dmo/x: there is no provider 'dmo': did you mean 'demo'?"],
    ),
];

#[test]
fn each_mistake_is_named_with_line_key_and_remedy() {
    let mut failures = String::new();
    for (text, expected) in TABLE {
        let found = Fixture::new(text).mistakes();
        let matches = found.len() == expected.len()
            && found.iter().zip(*expected).all(|(found, expected)| found.starts_with(expected));
        if !matches {
            failures.push_str(&format!("{text}\nexpected {expected:#?}\nfound {found:#?}\n"));
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn mistakes_in_variables_and_flags_name_them() {
    let rows = [
        (
            "FLYBALL__LIMITS__MODEL_BDY",
            "1MiB",
            "FLYBALL__LIMITS__MODEL_BDY: limits: unknown key 'model_bdy': did you",
        ),
        (
            "FLYBALL__LIMITS__HEADERS",
            "many",
            "FLYBALL__LIMITS__HEADERS: limits.headers: a whole number is wanted",
        ),
        ("FLYBALL__LISTEN", "", "FLYBALL__LISTEN: listen: a text is wanted here, not nothing"),
        ("FLYBALL__DATA", "*x", "FLYBALL__DATA: not readable as YAML"),
        (
            "FLYBALL__ROUTES__A__PROVIDER",
            "dmo",
            "FLYBALL__ROUTES__A__PROVIDER: routes.a.provider: there is no provider",
        ),
        ("FLYBALL__", "1", "FLYBALL__: unknown key ''"),
    ];
    for (name, value, expected) in rows {
        let found =
            Fixture::new(DEMO.replace("providers", "routes: { x: { provider: demo } }\nproviders").as_str())
                .with(name, value)
                .mistakes();
        assert!(found.len() == 1 && found[0].starts_with(expected), "{name}={value}: {found:?}");
    }
    let flags = Overrides { listen: Some("nowhere".into()), ..Overrides::default() };
    let errors = Config::load(None, no_variables(), &flags).unwrap_err();
    assert!(errors.to_string().starts_with("--listen: listen: not an address"), "{errors}");
}

#[test]
fn variables_that_mean_the_same_or_no_single_key_are_refused() {
    let twice =
        Fixture::new("").with("FLYBALL__LISTEN", "127.0.0.1:1").with("FLYBALL__Listen", "127.0.0.1:2");
    assert!(twice.mistakes()[0].contains("set twice, also by FLYBALL__LISTEN"), "{:?}", twice.mistakes());
    let text = "routes: { a-b: { provider: demo }, a.b: { provider: demo } }\n";
    let both = Fixture::new(text).with("FLYBALL__ROUTES__A_B__MODEL", "x");
    assert!(both.mistakes()[0].contains("'A_B' means both 'a-b' and 'a.b'"), "{:?}", both.mistakes());
}

#[test]
fn a_file_that_is_missing_or_not_text_is_named() {
    let missing = Config::load(Some(Path::new("no/such.yaml")), no_variables(), &Overrides::default());
    assert!(missing.unwrap_err().to_string().starts_with("no/such.yaml: cannot be read"));
    let fixture = Fixture::new("");
    fs::write(fixture.path(FILE_NAME), b"listen: \xff").unwrap();
    assert_eq!(fixture.mistakes(), ["flyball.yaml: not UTF-8 from byte 8 on: save the file as UTF-8"]);
}

#[test]
fn an_alias_bomb_is_refused_instead_of_expanded() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let inner = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
    }
    assert_eq!(Fixture::new(&text).mistakes().len(), 1);
}
