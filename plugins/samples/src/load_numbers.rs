//! A loader: it reads a file, so that its result is made again when the file changes.

use selfsame_sdk::prelude::*;

/// Reads numbers from a text file, one a line.
#[node(id = "com.example.load_numbers", category = "samples")]
#[output(numbers = "the numbers, in their order", count = "how many there are")]
pub fn load_numbers(
    ctx: Ctx,
    /// A text file; lines that start with # are left out.
    #[param(file = ["txt"])]
    path: String,
) -> Result<(Vec<f64>, i64)> {
    let text = String::from_utf8(ctx.read(&path)?).input("path")?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty());
    let number = |(i, line): (usize, &str)| {
        let number = line.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        number.ok_or_else(|| {
            Error::input("path", format!("line {} of {path}: expected a number, got {line:?}", i + 1))
                .hint("write one number a line")
        })
    };
    let numbers = lines.map(number).collect::<Result<Vec<f64>>>()?;
    let count = numbers.len() as i64;
    Ok((numbers, count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    #[test]
    fn a_line_that_is_no_number_is_named() {
        let host = TestHost::new();
        std::fs::write(host.folder().join("a.txt"), "# lengths\n1.5\n\n-2e3\n").unwrap();
        assert_eq!(load_numbers(host.ctx(), "a.txt".into()).unwrap(), (vec![1.5, -2000.0], 2));
        std::fs::write(host.folder().join("a.txt"), "1\ntwo\n").unwrap();
        let error = load_numbers(host.ctx(), "a.txt".into()).unwrap_err();
        assert_eq!(error.to_string(), "input `path`: line 2 of a.txt: expected a number, got \"two\"");
    }
}
