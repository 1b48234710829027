"""The texts of the demo model: each in English, then in Chinese."""

WHO = (
    """Hello! I am **Palaver's demo model**, not a real language model: I answer a few questions \
about Palaver itself, so that you can see everything work without an account.

Try one of these:

- `What time is it in Tokyo?` or `calculate 17.5% of 2340`: I call a tool for that
- `draw me a red fox in the snow`, then `make it warmer`
- `note: buy milk` calls a tool that changes something, so you are asked first
- `Show me markdown`, `a table`, or `some code`
- `Write 20000 characters` for an answer over many posts
- `My name is Ada`, then `What is my name?` to see that history is used
- `How do I connect Telegram?` or `How do I use a real model?`""",
    """你好!我是 **Palaver 的演示模型**,不是真正的大语言模型:我只会回答一些关于 Palaver 的问题,\
让你不用任何账号就能看到它的全部功能。

可以试试:

- `东京现在几点?` 或 `计算 17.5*23`:我会调用工具
- `画一只雪地里的红狐狸`,然后说 `改成 暖色`
- `记下 买牛奶` 会改变一些东西,所以先问你
- `展示 markdown 格式`、`表格` 或 `代码`
- `写 20000 字`,看看长回答如何分成多条消息
- `我叫小明`,然后问 `我叫什么?`,看看它是否记得
- `怎样接入 Telegram?` 或 `怎样换成真正的模型?`""",
)
OTHER = (
    """You asked: *{question}*

I am **Palaver's demo model**, so I cannot really answer that. With a real model behind me \
(`LLM_BASE_URL`, `LLM_API_KEY`, `LLM_MODEL`) the answer would stream in right here.

What I *can* do: say `help` and I list it.""",
    """你问的是:*{question}*

我是 **Palaver 的演示模型**,没法真正回答这个问题。设置好 `LLM_BASE_URL`、`LLM_API_KEY`、\
`LLM_MODEL` 之后,真正的模型会在这里逐字回答。

我会做什么?发送 `帮助` 就能看到。""",
)
SETUP = (
    """Connecting a platform takes one or two variables, in the environment or in a `.env` file:

| platform | set | from |
|---|---|---|
| Telegram | `TELEGRAM_BOT_TOKEN` | @BotFather, `/newbot` |
| Slack | `SLACK_BOT_TOKEN`, `SLACK_APP_TOKEN` | api.slack.com/apps, with the manifest in `deploy/` |

Then start again with `make run`. `palaver check` tells you whether each of them works. \
(I am the demo model; the README has the steps in full.)""",
    """接入一个平台只需要一两个变量,写在环境变量或 `.env` 文件里:

| 平台 | 变量 | 来源 |
|---|---|---|
| Telegram | `TELEGRAM_BOT_TOKEN` | @BotFather 的 `/newbot` |
| Slack | `SLACK_BOT_TOKEN`、`SLACK_APP_TOKEN` | api.slack.com/apps,用 `deploy/` 里的 manifest |

然后重新运行 `make run`。`palaver check` 会告诉你每一项是否可用。(我是演示模型,完整步骤见 README。)""",
)
MODEL = (
    """Any OpenAI-compatible API works. For DeepSeek, for example:

```sh
export LLM_BASE_URL=https://api.deepseek.com
export LLM_API_KEY=sk-...
export LLM_MODEL=deepseek-v4-flash
make run
```

An Ollama on this machine is found by itself. Until then I, **the demo model**, answer.""",
    """任何兼容 OpenAI 的接口都可以。以 DeepSeek 为例:

```sh
export LLM_BASE_URL=https://api.deepseek.com
export LLM_API_KEY=sk-...
export LLM_MODEL=deepseek-v4-flash
make run
```

本机的 Ollama 会被自动发现。在那之前,由我这个**演示模型**来回答。""",
)
DURABLE = (
    """A question that Palaver accepted is never lost:

1. It is acknowledged to its platform only after the **inbox** in Redis holds it.
2. It leaves the inbox only in the step that puts the answer into history.
3. A worker that dies loses its lease, and another finishes the answer *in the same post*.

Try it: ask me for `20000 characters`, `kill -9` the process, and start it again.""",
    """Palaver 接受的问题不会丢:

1. 只有 Redis 里的**收件箱**存好之后,才向平台确认。
2. 只有在回答写入历史的同一步里,问题才离开收件箱。
3. 进程死掉后租约到期,另一个进程会在*同一条消息*里把回答写完。

试试看:让我 `写 20000 字`,然后 `kill -9` 这个进程,再启动它。""",
)
IMAGE = (
    "Send `/image a red fox in the snow --size 1024x1024`, and the demo painter paints it: "
    "colours, time of day and things it knows (fox, cat, tree, mountain, sea, city, moon, flower, "
    "heart, …) follow your words.",
    "发送 `/image 雪地里的红狐狸 --size 1024x1024`,演示画师就会画出来:颜色、时间和它认识的东西"
    "(狐狸、猫、树、山、海、城市、月亮、花、爱心……)都取自你的描述。",
)
UNSEEN = (
    "Your picture is here, but I am **Palaver's demo model** and cannot look at it. A real model "
    "(`LLM_BASE_URL`, `LLM_API_KEY`, `LLM_MODEL`) gets it with your question.\n\n"
    "What I *can* do is have it changed: say `make it warmer`.",
    "图片收到了,但我是 **Palaver 的演示模型**,看不了图。换成真正的模型(`LLM_BASE_URL`、"
    "`LLM_API_KEY`、`LLM_MODEL`),它会和你的问题一起收到这张图。\n\n"
    "我能做的是让画师改它:说 `改成 暖色`。",
)
TABLE = (
    """Here is a table, from the demo model:

| promise | how it is kept |
|---|---|
| nothing is lost | a durable inbox in Redis |
| once | event ids and fencing |
| in order | one turn at a time per conversation |
| fresh | newest text only, paced by token buckets |

It stays readable on every platform.""",
    """这是演示模型给出的表格:

| 承诺 | 做法 |
|---|---|
| 不丢 | Redis 里的持久收件箱 |
| 不重 | 事件编号与隔离令牌 |
| 有序 | 每个对话一次只处理一个问题 |
| 新鲜 | 只发送最新文本,由令牌桶控制节奏 |

它在每个平台上都能读。""",
)
CODE = (
    """Some Python, from the demo model:

```python
import asyncio


async def main() -> None:
    for word in "streamed word by word".split():
        print(word, end=" ", flush=True)
        await asyncio.sleep(0.1)


asyncio.run(main())
```

Run it with `python3 demo.py`; it prints one word after the other.""",
    """演示模型写的一段 Python:

```python
import asyncio


async def main() -> None:
    for word in "一个 词 一个 词 地 出现".split():
        print(word, end=" ", flush=True)
        await asyncio.sleep(0.1)


asyncio.run(main())
```

用 `python3 demo.py` 运行,它会逐词打印。""",
)
MARKDOWN = (
    """# What Markdown looks like here

**Bold**, *italic*, ~~struck~~, `inline code` and [a link](https://commonmark.org).

> A quote, which may go
> over several lines.

1. A numbered list
2. with a second item
   - and a nested one

- [x] a task that is done
- [ ] and one that is not

```js
const answer = 6 * 7;
console.log(`the answer is ${answer}`);
```

| left | right |
|---|---|
| a table | with cells |

That was the demo model's tour.""",
    """# Markdown 在这里的样子

**粗体**、*斜体*、~~删除线~~、`行内代码` 和 [链接](https://commonmark.org)。

> 引用,可以
> 有好几行。

1. 有序列表
2. 第二项
   - 嵌套的一项

- [x] 已完成的任务
- [ ] 未完成的任务

```js
const answer = 6 * 7;
console.log(`答案是 ${answer}`);
```

| 左 | 右 |
|---|---|
| 表格 | 单元格 |

以上是演示模型的展示。""",
)
