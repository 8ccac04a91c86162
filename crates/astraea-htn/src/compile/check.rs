//! Findings about a whole domain.

use crate::ast;
use crate::diagnostic::Diagnostic;
use crate::model::Model;

/// Names that a text could not hold (only a builder can make them).
pub(super) fn spelling(domain: &ast::Domain, errors: &mut Vec<Diagnostic>) {
    let typed = |list: &'_ [ast::Typed]| list.iter().map(|t| t.name.clone()).collect::<Vec<_>>();
    let mut names = vec![domain.name.clone()];
    names.extend(typed(&domain.types));
    names.extend(typed(&domain.constants));
    for s in domain.predicates.iter().chain(&domain.functions).chain(&domain.tasks) {
        names.push(s.name.clone());
        names.extend(typed(&s.params));
    }
    for m in &domain.methods {
        names.push(m.name.clone());
        names.extend(typed(&m.params));
    }
    for a in &domain.actions {
        names.push(a.name.clone());
        names.extend(typed(&a.params));
    }
    let bad = |c: char| c.is_control() || c == ' ' || matches!(c, '(' | ')' | ';');
    for name in names {
        if name.text.is_empty() || name.text.contains(bad) {
            let text = format!("{:?} cannot be a name", name.text);
            errors.push(
                Diagnostic::error(text, name.span)
                    .help("a name has at least one character, and no space, parenthesis or `;`"),
            );
        }
    }
}

/// Tasks that cannot be carried out, methods that cannot be used.
pub(super) fn warnings(model: &Model) -> Vec<Diagnostic> {
    let mut list = Vec::new();
    // A task can be refined if it is an action or one of its methods has only such subtasks.
    let mut fine: Vec<bool> = model.tasks.iter().map(|t| t.action.is_some()).collect();
    loop {
        let mut changed = false;
        for (t, task) in model.tasks.iter().enumerate() {
            let can =
                |m: &u32| model.methods[*m as usize].subs.iter().all(|s| fine[s.task as usize]);
            if !fine[t] && task.declared.iter().any(can) {
                fine[t] = true;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    for (t, task) in model.tasks.iter().enumerate() {
        if fine[t] {
            continue;
        }
        let span = model.ast.tasks.get(t).map(|d| d.name.span).unwrap_or_default();
        list.push(if task.declared.is_empty() {
            Diagnostic::warning(format!("no method refines task `{}`", task.name), span)
                .help("add a method for it, or declare it as an action")
        } else {
            Diagnostic::warning(format!("task `{}` can never be carried out", task.name), span)
                .help("each of its methods needs a task that no method refines, or the task itself; add a method that ends")
        });
    }
    for m in &model.ast.methods {
        let missing = m
            .network
            .subtasks
            .iter()
            .find(|s| model.task(&s.term.name.text).is_some_and(|t| !fine[t as usize]));
        if let Some(sub) = missing {
            let text = format!(
                "method `{}` can never be used: its subtask `{}` cannot be carried out",
                m.name, sub.term.name
            );
            list.push(Diagnostic::warning(text, sub.term.name.span));
        }
    }
    list
}
