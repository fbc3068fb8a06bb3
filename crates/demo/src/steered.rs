//! Which script steers a request that is no chat: one in the name of its model, or, with the model `sim`, one in the
//! first line of its text.

use crate::models;
use crate::rejected::Rejected;
use crate::script::Script;

/// A request's model and script.
#[derive(Debug)]
pub(crate) struct Steered<'r> {
    /// The model's name as answers show it.
    pub(crate) model: &'r str,
    pub(crate) script: Script,
    /// The text without the script.
    pub(crate) text: &'r str,
}

/// Reads the script of a request. `param` is the field that `text` stands in.
pub(crate) fn steered<'r>(
    model: &'r str,
    text: &'r str,
    param: &'static str,
) -> Result<Steered<'r>, Rejected> {
    if !models::exists(model) {
        return Err(Rejected::unknown_model(model));
    }
    let parse = |source: &str, param: &str| {
        Script::parse(source).map_err(|error| Rejected::invalid(param.to_owned(), error.to_string()))
    };
    if let Some(source) = model.strip_prefix("sim:") {
        return Ok(Steered { model: models::shown(model), script: parse(source, "model")?, text });
    }
    if model == "sim"
        && let Some(steering) = text.strip_prefix("sim:")
    {
        let (source, text) = steering.split_once('\n').unwrap_or((steering, ""));
        return Ok(Steered { model, script: parse(source, param)?, text });
    }
    Ok(Steered { model, script: Script::default(), text })
}
