//! What failed most.

use super::Obstacle;
use crate::ast::{Formula, Name, Term};
use crate::atom::Word;
use crate::compile::{CONSTRAINT, IMPLIED, parts_of};
use crate::cond::Cond;
use crate::external::External;
use crate::model::{Arg, Model};
use crate::objects::Objects;
use crate::search::Tally;

/// More than this are not told.
const TOLD: usize = 5;

/// The conditions that failed most often.
pub(super) fn obstacles(model: &Model, objects: &Objects, tally: &Tally) -> Vec<Obstacle> {
    let mut list: Vec<Obstacle> = Vec::new();
    for ((task, part), times) in &tally.actions {
        let task = &model.tasks[*task as usize];
        let Some(action) = task.action else { continue };
        let parts = parts_of(&model.ast.actions[action as usize].precondition);
        let condition = parts.get(*part).map_or_else(
            || "the numbers that its effect needs are known".to_owned(),
            ToString::to_string,
        );
        list.push(Obstacle { condition, of: format!("action {}", task.name), times: *times });
    }
    for ((id, part), (times, cond)) in &tally.methods {
        let method = &model.methods[*id as usize];
        let ast = &model.ast.methods[*id as usize];
        let written =
            |list: &Formula, at: u16| parts_of(list).get(usize::from(at)).map(ToString::to_string);
        let condition = match *part {
            u16::MAX => Some("there are objects of the types wanted".to_owned()),
            IMPLIED => cond
                .as_ref()
                .and_then(|c| formula(model, objects, c, &method.vars))
                .map(|f| format!("{f}, which a subtask needs")),
            part if part & CONSTRAINT != 0 => written(&ast.network.constraints, part & !CONSTRAINT),
            part => written(&ast.precondition, part),
        };
        let of = format!("method {}", method.name);
        list.extend(condition.map(|condition| Obstacle { condition, of, times: *times }));
    }
    list.sort_by(|a, b| {
        b.times.cmp(&a.times).then_with(|| (&a.of, &a.condition).cmp(&(&b.of, &b.condition)))
    });
    list.truncate(TOLD);
    list
}

/// A condition as it would be written.
pub(super) fn formula(
    model: &Model,
    objects: &Objects,
    cond: &Cond,
    vars: &[Word],
) -> Option<Formula> {
    let name = |arg: &Arg| {
        Some(Name::new(match arg {
            Arg::Var(slot) => vars.get(usize::from(*slot))?.as_str(),
            Arg::Obj(obj) => objects.name(*obj),
        }))
    };
    Some(match cond {
        Cond::Atom(pred, args) | Cond::Ask(External { pred, .. }, args) => {
            let args = args.iter().map(name).collect::<Option<_>>()?;
            Formula::Atom(Term { name: Name::new(model.symbol(*pred)), args })
        }
        Cond::Equal(a, b) => Formula::Equal(name(a)?, name(b)?),
        Cond::Not(part) => Formula::Not(Box::new(formula(model, objects, part, vars)?)),
        _ => return None,
    })
}
