// The ways to show a growing text that `bench.page` compares. Each: (root, libraries) -> show(text, whole).

const { markdown } = await import(new URL("./markdown.js", window.pageScripts).href);
const { Blocks } = await import(new URL("./blocks.js", window.pageScripts).href);

const highlight = (root) => {
  for (const code of root.querySelectorAll("pre > code")) {
    const language = /language-([\w+#.-]+)/.exec(code.className)?.[1] || "";
    if (window.hljs.getLanguage(language)) code.innerHTML = window.hljs.highlight(code.textContent, { language }).value;
  }
};

// As markdown-it does it by itself, and the old page with it.
const styled = () => {
  const one = window.markdownit({ html: false, linkify: true, breaks: true });
  return (text) => one.render(text);
};

const whole = (render, change) => (root) => (text) => {
  const holder = document.createElement("template");
  holder.innerHTML = render(text);
  highlight(holder.content);
  change(root, holder.content);
};

const replaced = (root, body) => root.replaceChildren(body);
const into = (body) => {
  const div = document.createElement("div");
  div.className = "text";
  div.append(body);
  return div;
};

export const ways = {
  old: whole(styled(), replaced),
  whole: whole((text) => markdown.render(text), replaced),
  blocks: (root) => {
    const blocks = new Blocks(root, () => {});
    const show = (text, end) => blocks.set(text, end);
    show.step = () => blocks.step();
    return show;
  },
  morphdom: (root, { morphdom }) => whole((text) => markdown.render(text), (node, body) => morphdom(node, into(body)))(root),
  idiomorph: (root, { Idiomorph }) => whole((text) => markdown.render(text), (node, body) => Idiomorph.morph(node, [...body.childNodes], { morphStyle: "innerHTML" }))(root),
  smd: (root, { smd }) => {
    const parser = smd.parser(smd.default_renderer(root));
    let written = "";
    return (text, end, full) => {
      // It only adds, so it is given the text without the marks that close it for now.
      smd.parser_write(parser, full.slice(written.length));
      written = full;
      if (end) smd.parser_end(parser);
    };
  },
};
