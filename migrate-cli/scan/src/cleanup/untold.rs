//! Places that may use extracted files although nothing can be told of them: what stands against a cleanup until somebody has looked.

use crate::Survey;
use crate::border::Place;
use crate::survey::is_test;

/// What to do about it.
const LOOK: &str = "if it is none, list this file under [cleanup] acknowledged in migration.toml";

/// Dynamic imports and routers of files that stay which may be extracted ones. `is_acknowledged` says of a file that somebody has looked.
pub fn against(
    survey: &Survey,
    extracted: &[String],
    is_acknowledged: &dyn Fn(&str) -> bool,
) -> Vec<Place> {
    let is_open = |place: &&Place| {
        !extracted.contains(&place.file) && !is_test(&place.file) && !is_acknowledged(&place.file)
    };
    let imports = survey.border.untold.iter().filter(is_open);
    let imports = imports.filter(|place| may_load(&place.what, extracted)).map(|place| {
        let what = format!("may import an extracted file by {}: {LOOK}", place.what);
        Place { what, ..place.clone() }
    });
    // Whoever takes a route in may be one that can't be told.
    let is_open_route =
        survey.routes.served.iter().any(|it| it.paths.is_empty() && !is_test(&it.file));
    let routers = survey.routes.untold.iter().filter(|_| is_open_route).filter(is_open);
    let routers = routers.map(|place| {
        let what = format!("may take in a router of an extracted file, {}: {LOOK}", place.what);
        Place { what, ..place.clone() }
    });
    imports.chain(routers).collect()
}

/// Whether arguments of a dynamic import may come to one of these files: what they begin with may rule that out.
fn may_load(arguments: &str, files: &[String]) -> bool {
    let Some(head) = head(arguments).filter(|head| !head.is_empty() && !head.starts_with('.'))
    else {
        return true;
    };
    files.iter().any(|file| {
        let path = file.trim_end_matches(".py").trim_end_matches("/__init__").replace('/', ".");
        let after_dots = path.match_indices('.').filter_map(|(at, _)| path.get(at + 1..));
        // Python's path is not in the source.
        std::iter::once(path.as_str()).chain(after_dots).any(|module| module.starts_with(head))
    })
}

/// What a text begins with that is put together: `app.` of `(f"app.{name}")`, `("app." + name)` and `("app.%s" % name)`.
fn head(arguments: &str) -> Option<&str> {
    let given = arguments.trim_start_matches('(').trim_start();
    let (is_format, given) = match given.strip_prefix('f') {
        Some(given) => (true, given),
        None => (false, given),
    };
    let quote = given.chars().next().filter(|it| matches!(it, '"' | '\''))?;
    let given = given.get(1..)?;
    let end = given.find(|it: char| !(it.is_alphanumeric() || it == '_' || it == '.'))?;
    let (head, rest) = given.split_at_checked(end)?;
    let is_put_on = match rest.chars().next()? {
        '{' => is_format,
        '%' => !is_format,
        it if it == quote => rest.get(1..)?.trim_start().starts_with('+'),
        _ => false,
    };
    is_put_on.then_some(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Facts;
    use crate::{Sides, survey};

    fn against(files: &[(&str, &str)], acknowledged: &str) -> Vec<String> {
        let paths: Vec<String> = files.iter().map(|(path, _)| (*path).to_owned()).collect();
        let facts: Vec<Facts> = files.iter().map(|(_, text)| Facts::of(text)).collect();
        let sides = Sides { extracted: [0].into(), ..Sides::default() };
        let survey = survey::of(&paths, &facts, &[], &sides);
        let found = super::against(&survey, &paths[..1], &|file| file == acknowledged);
        found.iter().map(|it| format!("{}:{}", it.file, it.line)).collect()
    }

    const AGENTS: (&str, &str) = (
        "src/app/routers/agents.py",
        "from fastapi import APIRouter\nrouter = APIRouter()\n@router.get('/v1/agents')\ndef found(): ...\n",
    );
    const MAIN: &str = "import importlib, pkgutil\nfrom . import routers\napp = FastAPI()\n\
        for found in pkgutil.iter_modules(routers.__path__):\n    module = importlib.import_module(f'app.routers.{found.name}')\n    \
        app.include_router(module.router)\n";

    #[test]
    fn a_loader_that_may_take_an_extracted_router_in_stands_against_it() {
        let files = [AGENTS, ("src/app/main.py", MAIN), ("src/app/routers/__init__.py", "")];
        assert_eq!(against(&files, ""), ["src/app/main.py:5", "src/app/main.py:6"]);
        assert_eq!(against(&files, "src/app/main.py"), [""; 0]);
    }

    #[test]
    fn tests_and_routers_beside_told_ones_do_not() {
        let told =
            "from app.routers.agents import router\napp = FastAPI()\napp.include_router(router)\n";
        let files =
            [AGENTS, ("src/app/main.py", told), ("src/app/other.py", "app.include_router(x())\n")];
        assert_eq!(against(&files, ""), [""; 0]);
        assert_eq!(against(&[AGENTS, ("tests/test_a.py", MAIN)], ""), [""; 0]);
    }

    #[test]
    fn what_the_text_begins_with_may_rule_it_out() {
        let files = ["src/app/routers/agents.py".to_owned()];
        for may in [
            "(name)",
            "(f\"app.routers.{x}\")",
            "('app.' + x)",
            "(\"routers.%s\" % x, package=p)",
            "(f'.{x}')",
            "('.'.join(x))",
            "(f'{x}.y')",
            "('app.tools'.replace(x))",
            "(f\"app.routers.ag{x}",
            "",
        ] {
            assert!(may_load(may, &files), "{may}");
        }
        for not in [
            "(f\"app.tools.{x}\")",
            "('plugins.' + x)",
            "(\"routes.%s\" % x)",
            "( f'app.routers.b{x}')",
        ] {
            assert!(!may_load(not, &files), "{not}");
        }
    }
}
