//! One request that must be refused, and the proof that it left nothing behind.

use std::fmt::Write as _;

use foodflow_testkit::{Answer, TestClient};
use reqwest::Method;
use serde_json::Value;

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<Vec<u8>>,
}

impl Request {
    pub(super) fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: None }
    }

    pub(super) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(super) fn post(path: impl Into<String>, body: &Value) -> Self {
        Self::new(Method::POST, path).json(body)
    }

    pub(super) fn json(self, body: &Value) -> Self {
        self.raw(body.to_string())
    }

    pub(super) fn raw(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) async fn send(&self, client: &TestClient) -> anyhow::Result<Answer> {
        let headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        client.send(self.method.clone(), &self.path, &headers, self.body.clone()).await
    }
}

/// What a request is refused with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    /// What the refusal names: a JSON pointer among its errors, or for parameters a part of its detail.
    pub(super) part: Option<String>,
}

impl Refusal {
    pub(super) const fn new(status: u16, code: &'static str) -> Self {
        Self { status, code, part: None }
    }

    pub(super) fn at(self, part: impl Into<String>) -> Self {
        Self { part: Some(part.into()), ..self }
    }

    pub(super) fn body(pointer: impl Into<String>) -> Self {
        Self::new(400, "invalid-body").at(pointer)
    }

    pub(super) fn parameter(name: &str) -> Self {
        Self::new(400, "invalid-parameter").at(format!("`{name}`"))
    }

    pub(super) fn missing(pointer: impl Into<String>) -> Self {
        Self::new(404, "not-found").at(pointer)
    }

    /// What is wrong with an answer.
    fn defect(&self, answer: &Answer) -> Option<String> {
        let body = &answer.body;
        let status = answer.status.as_u16();
        let code = body["code"].as_str().unwrap_or_default();
        if (status, code) != (self.status, self.code) {
            return Some(format!("{status} `{code}`, not {} `{}`", self.status, self.code));
        }
        if answer.header("content-type") != Some("application/problem+json") {
            return Some("it is no problem document".to_owned());
        }
        let kind = format!("https://foodflow.example/errors/{code}");
        let sentence = |name: &str| body[name].as_str().is_some_and(|text| !text.is_empty());
        if body["type"] != *kind || body["status"] != status || !sentence("title") || !sentence("detail") {
            return Some("the problem document is incomplete".to_owned());
        }
        let part = self.part.as_ref()?;
        let named = match code {
            "invalid-parameter" => body["detail"].as_str().unwrap_or_default().contains(part),
            _ => body["errors"].as_array().into_iter().flatten().any(|error| error["pointer"] == **part),
        };
        (!named).then(|| format!("it does not name `{part}`"))
    }
}

/// Attempts of one client that must all be refused. [`Attempts::finish`] must be called.
pub(super) struct Attempts<'a> {
    client: &'a TestClient,
    log_end: u64,
    count: usize,
    defects: String,
}

impl<'a> Attempts<'a> {
    pub(super) async fn of(client: &'a TestClient) -> anyhow::Result<Self> {
        Ok(Self { client, log_end: log_end(client).await?, count: 0, defects: String::new() })
    }

    /// Sends a request, and notes where the answer is another one than `refusal`.
    pub(super) async fn refused(
        &mut self,
        why: &str,
        request: &Request,
        refusal: &Refusal,
    ) -> anyhow::Result<()> {
        let client = self.client;
        self.refused_to(client, why, request, refusal).await
    }

    /// The same, sent by another client of the same or another tenant.
    pub(super) async fn refused_to(
        &mut self,
        client: &TestClient,
        why: &str,
        request: &Request,
        refusal: &Refusal,
    ) -> anyhow::Result<()> {
        self.count += 1;
        let answer = request.send(client).await?;
        if let Some(defect) = refusal.defect(&answer) {
            let Request { method, path, .. } = request;
            writeln!(self.defects, "{method} {path}, {why}: {defect}\n    {}", answer.body)?;
        }
        Ok(())
    }

    /// Fails where any attempt was not refused as it must be, or where the tenant's log has grown since.
    pub(super) async fn finish(self) -> anyhow::Result<usize> {
        assert!(self.defects.is_empty(), "\n{}", self.defects);
        let mut events = self.client.get(&format!("/v1/events?after={}", self.log_end)).await?.ok();
        // That it was refused is written down for the audit trail.
        events.as_array_mut().unwrap().retain(|event| event["type"] != "foodflow.identity.access.refused.v1");
        assert_eq!(events, serde_json::json!([]), "what is refused must not be recorded");
        Ok(self.count)
    }
}

/// The position of the tenant's last message.
pub(super) async fn log_end(client: &TestClient) -> anyhow::Result<u64> {
    let mut end = 0;
    loop {
        let page = client.get(&format!("/v1/events?limit=1000&after={end}")).await?;
        let more = page.header("foodflow-next").is_some();
        let position = page.header("foodflow-position").unwrap().parse()?;
        page.ok();
        end = position;
        if !more {
            return Ok(end);
        }
    }
}
