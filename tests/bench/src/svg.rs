//! The few shapes of a picture, readable on a light and on a dark background.

/// Colours for both backgrounds. A class names the meaning of a shape, not its look.
const STYLE: &str = "\
text{font:13px system-ui,sans-serif;fill:#1f2328}\
.title{font-size:15px;font-weight:600}.quiet{fill:#59636e}.end{text-anchor:end}\
.ours{fill:#0969da}.other{fill:#8c959f}.spread{stroke:#1f2328;stroke-width:1.5}\
.line{stroke:#d1d9e0}.met{fill:#1a7f37}.missed{fill:#cf222e}\
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.quiet{fill:#9198a1}.ours{fill:#4493f8}\
.other{fill:#656c76}.spread{stroke:#f0f6fc}.line{stroke:#3d444d}.met{fill:#3fb950}.missed{fill:#f85149}}";

/// A picture that grows from top to bottom.
pub(crate) struct Svg {
    width: f64,
    height: f64,
    shapes: String,
}

impl Svg {
    pub(crate) fn new(width: f64) -> Self {
        Self { width, height: 0.0, shapes: String::new() }
    }

    pub(crate) fn text(&mut self, [x, y]: [f64; 2], class: &str, text: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        self.shape(y, format!(r#"<text x="{x:.1}" y="{y:.1}" class="{class}">{text}</text>"#));
    }

    pub(crate) fn bar(&mut self, [x, y]: [f64; 2], [width, height]: [f64; 2], class: &str) {
        let size = format!(r#"width="{width:.1}" height="{height:.1}""#);
        self.shape(y + height, format!(r#"<rect x="{x:.1}" y="{y:.1}" {size} rx="2" class="{class}"/>"#));
    }

    pub(crate) fn line(&mut self, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2], class: &str) {
        let ends = format!(r#"x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}""#);
        self.shape(y1.max(y2), format!(r#"<line {ends} class="{class}"/>"#));
    }

    fn shape(&mut self, lowest: f64, shape: String) {
        self.height = self.height.max(lowest);
        self.shapes.push_str(&shape);
        self.shapes.push('\n');
    }

    /// Returns the file.
    pub(crate) fn finish(self, title: &str) -> String {
        let (width, height) = (self.width, self.height + 16.0);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n{}</svg>\n",
            self.shapes
        )
    }
}
