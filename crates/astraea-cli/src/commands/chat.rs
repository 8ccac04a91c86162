//! `astra chat`: a conversation in the terminal.

use std::{io::Write as _, sync::Arc};

use astraea_goals::Envelope;
use astraea_persona::{Question, Runs};
use serde_json::json;
use tokio::sync::mpsc;

use crate::{
    args::Global,
    commands::{open, serve::persona},
    failure::Failure,
    output,
    progress::Progress,
};

/// Answers one message, or each line of stdin until its end.
///
/// # Errors
/// When the repository cannot be used; with a message, when it is not answered.
pub(crate) async fn run(global: &Global, message: Option<String>) -> Result<u8, Failure> {
    let astra = Arc::new(open(global, false)?);
    let persona = persona(&astra, &Runs::default())?;
    let mut conversation = None;
    if let Some(message) = message {
        return say(global, &persona, message, &mut conversation).await;
    }
    let (lines, mut line) = mpsc::channel(1);
    // Reading a terminal blocks, so it has a thread of its own.
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if lines.blocking_send(line).is_err() {
                break;
            }
        }
    });
    loop {
        if !global.quiet {
            eprint!("> ");
            let _ = std::io::stderr().flush();
        }
        let Some(message) = line.recv().await else { return Ok(0) };
        if message.trim().is_empty() {
            continue;
        }
        if let Err(failure) = say(global, &persona, message, &mut conversation).await {
            eprintln!("astra: {failure}");
        }
    }
}

async fn say(
    global: &Global,
    persona: &astraea_persona::Persona,
    message: String,
    conversation: &mut Option<String>,
) -> Result<u8, Failure> {
    let (sender, mut receiver) = mpsc::unbounded_channel::<Envelope>();
    let mut question = Question::new(message);
    question.conversation_id = conversation.clone();
    question.events = Some(sender);
    let cancel = question.cancel.clone();
    let mut progress = Progress::new(global.quiet || global.json);
    let work = persona.chat(question);
    tokio::pin!(work);
    let mut interrupted = false;
    let answer = loop {
        tokio::select! {
            biased;
            Some(event) = receiver.recv() => progress.show(&event),
            _ = tokio::signal::ctrl_c(), if !interrupted => {
                interrupted = true;
                eprintln!("astra: stopping; what has finished is kept");
                cancel.cancel();
            }
            answer = &mut work => break answer,
        }
    };
    progress.finish();
    let answer = answer.map_err(|error| {
        let code = if matches!(error, astraea_persona::PersonaError::Model(_)) { 6 } else { 2 };
        Failure::new(code, error.to_string())
    })?;
    *conversation = Some(answer.conversation_id.clone());
    let achieved = answer.runs.iter().all(|run| run.success);
    if global.json {
        output::json(&json!({
            "response": answer.text, "conversation_id": answer.conversation_id, "runs": answer.runs,
            "tools": answer.tools, "rule_based": answer.rule_based,
        }))?;
    } else {
        output::text(&answer.text)?;
    }
    Ok(u8::from(!achieved))
}
