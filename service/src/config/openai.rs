//! The settings of the executor `openai`.

use std::time::Duration;

use url::{Host, Url};

use super::source::{Problem, Source};
use super::{Secret, whole, yes_or_no};
use crate::logic::cost::{Price, Prices};

/// How a model is asked.
#[derive(Debug, Clone)]
pub struct OpenAiSettings {
    /// The address up to and including the version, such as `https://api.openai.com/v1`.
    pub base_url: Url,
    /// The key, if the server wants one.
    pub api_key: Option<Secret>,
    /// The model of steps that name none.
    pub model: String,
    /// Whether answers are asked for piece by piece.
    pub stream: bool,
    /// The time for one call.
    pub timeout: Duration,
    /// How often a call is repeated.
    pub retries: u32,
    /// The most tokens of one answer.
    pub max_output_tokens: u64,
    /// What the server calls that.
    pub token_limit_field: TokenLimitField,
    /// What tokens cost.
    pub prices: Prices,
}

/// `OPENAI_TOKEN_LIMIT_FIELD`: the field of a request that bounds the tokens of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenLimitField {
    /// The older name, which every compatible server knows. `OpenAI`'s own refuses it for its newer models.
    MaxTokens,
    /// The newer name. What a model thinks before it answers counts, too.
    MaxCompletionTokens,
}

impl TokenLimitField {
    /// The name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
        }
    }

    /// The newer name for `OpenAI`'s own servers and the older one for all others: some of those refuse a field that they do
    /// not know, and some pass it over, so that answers would have no bound.
    fn of_server(url: &Url) -> Self {
        let is_own = |name: &str| name == "api.openai.com" || name.ends_with(".api.openai.com");
        match url.host() {
            Some(Host::Domain(name)) if is_own(name) => Self::MaxCompletionTokens,
            _ => Self::MaxTokens,
        }
    }
}

/// What runs steps.
#[derive(Debug, Clone)]
pub enum ExecutorChoice {
    /// Nothing does: it is simulated.
    Simulated,
    /// A model.
    OpenAi(Box<OpenAiSettings>),
}

impl ExecutorChoice {
    /// The word of `EXECUTOR`, which rows, proofs and receipts name as well.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Simulated => "simulated",
            Self::OpenAi(_) => "openai",
        }
    }
}

/// Reads `EXECUTOR` and, where it asks for a model, how that is reached.
pub(super) fn read(source: &Source, problems: &mut Vec<Problem>) -> Option<ExecutorChoice> {
    let openai = source.parse("EXECUTOR", "simulated", choice, problems)?;
    if openai {
        settings(source, problems).map(|settings| ExecutorChoice::OpenAi(Box::new(settings)))
    } else {
        Some(ExecutorChoice::Simulated)
    }
}

fn settings(source: &Source, problems: &mut Vec<Problem>) -> Option<OpenAiSettings> {
    let default = "https://api.openai.com/v1";
    let base_url = source.parse("OPENAI_BASE_URL", default, base_url, problems);
    let api_key = source.get("OPENAI_API_KEY").map(Secret::new);
    if let (Some(url), Some(_)) = (&base_url, &api_key)
        && url.scheme() == "http"
        && !is_loopback(url)
    {
        let text = "is not https, and OPENAI_API_KEY would be sent in clear";
        problems.push(source.problem("OPENAI_BASE_URL", text));
    }
    let seconds = |text: &str| whole(text, 1, 3600).map(Duration::from_secs);
    let price = |name, problems: &mut Vec<Problem>| source.parse(name, "0", Price::parse, problems);
    let model = source.required("OPENAI_MODEL", |text| Ok(text.to_owned()), problems);
    let stream = source.parse("OPENAI_STREAM", "true", yes_or_no, problems);
    let timeout = source.parse("OPENAI_TIMEOUT_SECONDS", "60", seconds, problems);
    let retries = source.parse("OPENAI_RETRIES", "3", |text| whole(text, 0, 10), problems);
    let tokens = |text: &str| whole(text, 1, 1_000_000);
    let max_output_tokens = source.parse("OPENAI_MAX_OUTPUT_TOKENS", "1024", tokens, problems);
    let field = source.parse("OPENAI_TOKEN_LIMIT_FIELD", "auto", token_limit_field, problems);
    let input = price("OPENAI_INPUT_PRICE", problems);
    let output = price("OPENAI_OUTPUT_PRICE", problems);
    let base_url = base_url?;
    Some(OpenAiSettings {
        token_limit_field: field?.unwrap_or_else(|| TokenLimitField::of_server(&base_url)),
        base_url,
        api_key,
        model: model?,
        stream: stream?,
        timeout: timeout?,
        retries: u32::try_from(retries?).ok()?,
        max_output_tokens: max_output_tokens?,
        prices: Prices { input: input?, output: output? },
    })
}

fn choice(text: &str) -> Result<bool, String> {
    match text {
        "simulated" => Ok(false),
        "openai" => Ok(true),
        _ => Err("is neither simulated nor openai".to_owned()),
    }
}

/// None is `auto`.
fn token_limit_field(text: &str) -> Result<Option<TokenLimitField>, String> {
    let named = [TokenLimitField::MaxTokens, TokenLimitField::MaxCompletionTokens];
    match named.into_iter().find(|field| field.word() == text) {
        None if text != "auto" => {
            Err("is none of max_tokens, max_completion_tokens and auto".to_owned())
        }
        field => Ok(field),
    }
}

fn base_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_why| "is no URL".to_owned())?;
    let plain = ["http", "https"].contains(&url.scheme())
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if plain { Ok(url) } else { Err("is no plain http or https URL".to_owned()) }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(settings: &[(&str, &str)]) -> Result<ExecutorChoice, String> {
        let mut problems = Vec::new();
        let choice = read(&Source::of(settings), &mut problems);
        let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
        choice.filter(|_| problems.is_empty()).ok_or_else(|| text.join("\n"))
    }

    #[test]
    fn simulated_unless_asked() {
        assert!(matches!(ask(&[]), Ok(ExecutorChoice::Simulated)));
        assert!(ask(&[("EXECUTOR", "gpt")]).unwrap_err().contains("neither simulated nor openai"));
    }

    #[test]
    fn a_model_must_be_named_and_a_key_is_kept_from_the_wire_and_the_log() {
        let openai = ("EXECUTOR", "openai");
        assert!(ask(&[openai]).unwrap_err().starts_with("OPENAI_MODEL is not set"));
        let (model, key) = (("OPENAI_MODEL", "m"), ("OPENAI_API_KEY", "sk-secret"));
        let plain = ask(&[openai, model, key, ("OPENAI_BASE_URL", "http://models.example/v1")]);
        assert!(plain.as_ref().unwrap_err().contains("sent in clear"), "{plain:?}");
        for url in ["https://models.example/v1", "http://127.0.0.1:8000/v1", "http://[::1]/v1"] {
            let choice = ask(&[openai, model, key, ("OPENAI_BASE_URL", url)]).unwrap();
            assert!(!format!("{choice:?}").contains("secret"), "{choice:?}");
        }
        for url in ["models", "ftp://x/v1", "https://user:pass@x/v1", "https://x/v1?key=1"] {
            let wrong = ask(&[openai, model, ("OPENAI_BASE_URL", url)]).unwrap_err();
            assert!(wrong.contains("URL"), "{wrong}");
            assert!(!wrong.contains("pass@"), "{wrong}");
        }
        let wrong =
            ask(&[openai, model, ("OPENAI_INPUT_PRICE", "cheap"), ("OPENAI_RETRIES", "99")]);
        let wrong = wrong.unwrap_err();
        assert!(
            wrong.contains("OPENAI_INPUT_PRICE") && wrong.contains("OPENAI_RETRIES"),
            "{wrong}"
        );
    }
    #[test]
    fn the_bound_of_an_answer_has_the_name_that_the_server_knows() {
        use TokenLimitField::{MaxCompletionTokens, MaxTokens};
        let field = |url: &str, field: &str| {
            let url = ("OPENAI_BASE_URL", url);
            let field = ("OPENAI_TOKEN_LIMIT_FIELD", field);
            match ask(&[("EXECUTOR", "openai"), ("OPENAI_MODEL", "m"), url, field]) {
                Ok(ExecutorChoice::OpenAi(settings)) => Ok(settings.token_limit_field),
                other => Err(other.map(|_| ())),
            }
        };
        for (url, name) in [
            ("https://api.openai.com/v1", MaxCompletionTokens),
            ("https://eu.api.openai.com/v1", MaxCompletionTokens),
            ("https://api.openai.com.example/v1", MaxTokens),
            ("https://notapi.openai.com/v1", MaxTokens),
            ("http://127.0.0.1:8000/v1", MaxTokens),
        ] {
            assert_eq!(field(url, "auto"), Ok(name), "{url}");
            for named in [MaxTokens, MaxCompletionTokens] {
                assert_eq!(field(url, named.word()), Ok(named), "{url}");
            }
        }
        let wrong = field("http://127.0.0.1/v1", "tokens").unwrap_err().unwrap_err();
        assert!(wrong.contains("none of max_tokens"), "{wrong}");
    }
}
