"""Every sentence that Palaver itself says in a chat, in each language it knows.

A sentence has the same placeholders in all languages; a test compares them.
"""

import re
from typing import Literal

from core.errors import ModelError, Overloaded, Refused

Language = Literal["en", "zh"]

LANGUAGES: dict[Language, str] = {"en": "English", "zh": "中文"}

_CJK = re.compile(r"[\u3400-\u9fff]")
_KANA = re.compile(r"[\u3040-\u30ff]")


def language_of(text: str, preferred: str, hint: str) -> Language:
    """The language to speak: what the person chose, else wrote in, else has set on the platform."""
    if preferred in LANGUAGES:
        return preferred
    if _CJK.search(text) and not _KANA.search(text):
        return "zh"
    if text.strip() and any(character.isalpha() for character in text):
        return "en"
    return "zh" if hint.lower().startswith("zh") else "en"


def say(name: str, language: Language, /, **values: object) -> str:
    """The sentence *name* in *language*, filled with *values*."""
    return _TEXTS[name][0 if language == "en" else 1].format(**values)


def failure(error: ModelError, language: Language) -> str:
    """One sentence for the person whose answer failed with *error*."""
    name = (
        f"refused_{error.reason}"
        if isinstance(error, Refused)
        else ("overloaded" if isinstance(error, Overloaded) else "interrupted")
    )
    return say(name, language)


_TEXTS: dict[str, tuple[str, str]] = {
    "welcome": (
        "Hello! I am **Palaver**. Ask me anything here; in a group, mention me or reply to me. "
        "`/image` paints a picture, `/new` begins afresh, `/help` lists the rest.",
        "你好！我是 **Palaver**。直接提问就好；在群里请 @我 或回复我。"
        "`/image` 画一张图，`/new` 开始新的对话，`/help` 列出其余命令。",
    ),
    "help": (
        "**What you can send**\n\n"
        "- a question, in any language\n"
        "- `/image PROMPT` paints a picture (`--size 1024x1024`, `--n 2`, `--quality`, `--style`)\n"
        "- `/new` forgets this conversation and begins afresh\n"
        "- `/stop` stops the answer that is being written\n"
        "- `/retry` answers the last question again\n"
        "- `/continue` goes on with an answer that was cut\n"
        "- `/compare QUESTION` asks several models side by side\n"
        "- `/model NAME` chooses the model here\n"
        "- `/persona NAME` chooses how I speak: {personas}\n"
        "- `/voice on` lets me answer with my voice too\n"
        "- `/system TEXT` tells me what to keep in mind here\n"
        "- `/usage` shows what this conversation holds\n"
        "- `/lang en` or `/lang zh` chooses my language\n\n"
        "In a group I answer only when I am mentioned, replied to or given a command.",
        "**可以发送**\n\n"
        "- 任何语言的问题\n"
        "- `/image 描述` 画一张图(`--size 1024x1024`、`--n 2`、`--quality`、`--style`)\n"
        "- `/new` 忘掉这个对话，重新开始\n"
        "- `/stop` 停止正在写的回答\n"
        "- `/retry` 重新回答上一个问题\n"
        "- `/continue` 接着写中断的回答\n"
        "- `/compare 问题` 让几个模型同时回答\n"
        "- `/model 名称` 选择这里使用的模型\n"
        "- `/persona 名称` 选择我的说话方式({personas})\n"
        "- `/voice on` 让我也用语音回答\n"
        "- `/system 内容` 告诉我在这里要记住什么\n"
        "- `/usage` 查看这个对话的用量\n"
        "- `/lang en` 或 `/lang zh` 选择我的语言\n\n"
        "在群里，只有被 @、被回复或收到命令时我才说话。",
    ),
    "suggest_summary": (
        "Summarise what I send you next, in five points.",
        "把我接下来发的内容总结成五点。",
    ),
    "suggest_reply": (
        "Help me draft a short, friendly reply to a message.",
        "帮我给一条消息写个简短友好的回复。",
    ),
    "suggest_tasks": (
        "Turn my meeting notes into a table of tasks, owners and dates.",
        "把我的会议记录整理成任务、负责人和日期的表格。",
    ),
    "summarise": (
        "Summarise this thread: what it is about, what was decided, what is open.",
        "总结这个话题串：谈了什么、决定了什么、还有什么没定。",
    ),
    "ask_title": ("Ask about this", "问问这条消息"),
    "ask_send": ("Ask", "提问"),
    "ask_cancel": ("Cancel", "取消"),
    "ask_it": ("Your question", "你的问题"),
    "rate_up": ("👍 Good answer", "👍 回答得好"),
    "rate_down": ("👎 Not helpful", "👎 没有帮助"),
    "home": (
        "**Set here**\n- model: `{model}`\n- persona: `{persona}`\n- language: {language}\n"
        "- to keep in mind: {system}",
        "**这里的设置**\n- 模型：`{model}`\n- 角色：`{persona}`\n- 语言：{language}\n"
        "- 要记住的：{system}",
    ),
    "follow_is": (
        "In threads where several people talk I answer: `{follow}`. There are: `questions` "
        "(what is for me), `all`, `off` (only mentions).",
        "在有几个人说话的话题串里，我回答：`{follow}`。可选：`questions`（对我说的）、"
        "`all`（全部）、`off`（只在被 @ 时）。",
    ),
    "follow_questions": (
        "In threads I answer what is for me: questions, and mentions.",
        "在话题串里，我回答对我说的：提问和 @ 我的。",
    ),
    "follow_all": (
        "In threads that I was asked in, I answer everything from now on.",
        "在问过我的话题串里，从现在起我每条都回答。",
    ),
    "follow_off": (
        "In threads I answer only mentions from now on.",
        "在话题串里，从现在起我只回答 @ 我的。",
    ),
    "asks": ("**{name}** asks:", "**{name}** 问："),
    "not_invited": (
        "I am not in this channel yet. Please invite me first.",
        "我还不在这个频道里，请先邀请我。",
    ),
    "new": (
        "Done: I have forgotten this conversation. What shall we talk about?",
        "好的，我已经忘掉了这个对话。我们聊点什么？",
    ),
    "nothing_to_stop": ("Nothing is being written right now.", "现在没有正在写的回答。"),
    "stopped_here": ("Stopped.", "已停止。"),
    "new_here": (
        "Done: I have forgotten what was said to me here, in all threads.",
        "好的，这里所有话题串里对我说过的话，我都忘掉了。",
    ),
    "usage_place": ("The model here is `{model}`.", "这里的模型是 `{model}`。"),
    "barred_topic": (
        "The topic that you asked in is closed, so I cannot answer there.",
        "你提问的话题已关闭，我无法在那里回答。",
    ),
    "barred_text": (
        "I may not write in the group that you asked in: one of its admins can allow it.",
        "我无权在你提问的群里发言：需要群管理员允许。",
    ),
    "nothing_to_retry": (
        "There is no question here that I could answer again.",
        "这里没有可以重新回答的问题。",
    ),
    "nothing_to_continue": (
        "The last answer here is whole: there is nothing to go on with.",
        "这里的上一个回答是完整的，没有可以继续的内容。",
    ),
    "sources": ("**Sources**", "**来源**"),
    "blind": (
        "*(This model cannot look at pictures, so it answered without them.)*",
        "*(这个模型看不了图片，所以它没有看图就回答了。)*",
    ),
    "cut_length": (
        "*(Cut here: the answer reached the longest that the model may write.)*",
        "*(回答到此中断：已达到模型一次能写的最大长度。)*",
    ),
    "cut_filter": (
        "*(Cut here: the provider's content rules ended the answer.)*",
        "*(回答到此中断：服务商的内容规则终止了回答。)*",
    ),
    "cut_tools": (
        "*(Cut here: the model wanted to use a tool, and has none in this chat.)*",
        "*(回答到此中断：模型想使用工具，但这里没有可用的工具。)*",
    ),
    "cut_pause": (
        "*(The model has paused here before its answer was whole.)*",
        "*(模型在回答完成之前暂停了。)*",
    ),
    "cut_broken": (
        "*(Cut here: the provider broke the answer off.)*",
        "*(回答到此中断：服务商那边出了问题。)*",
    ),
    "no_right": (
        "I painted it, but I may not send pictures or files here. An admin can allow it.",
        "画好了，但我在这里没有发送图片或文件的权限，管理员可以开启。",
    ),
    "retry_is_theirs": (
        "Only who asked that may have it answered again.",
        "只有提问的人可以让我重新回答这个问题。",
    ),
    "stopped": ("*(stopped)*", "*(已停止)*"),
    "empty": ("What would you like to ask?", "你想问什么？"),
    "too_long": (
        "That message is too long for me: {chars} characters, and I read up to {most}.",
        "这条消息太长了：{chars} 个字符，我最多能读 {most} 个。",
    ),
    "full": (
        "You have {waiting} questions waiting here already. Please wait for an answer first.",
        "这里已经有 {waiting} 个问题在排队，请先等一等回答。",
    ),
    "in_line": (
        "*You are number {place} in line. The answer will appear here.*",
        "*你排在第 {place} 位，回答会出现在这里。*",
    ),
    "parked": (
        "*I am still busy with {most} of your questions. This one is next.*",
        "*我还在回答你的 {most} 个问题，接下来就是这一个。*",
    ),
    "crowd": (
        "*Waiting for an answer here: {people}. They come in the order in which you asked.*",
        "*有 {people} 人在等回答，我会按提问的先后顺序回答。*",
    ),
    "not_allowed": (
        "Sorry, I only talk with people on my operator's list. Your id is `{id}`.",
        "抱歉，我只和管理员名单上的人说话。你的 id 是 `{id}`。",
    ),
    "admins_only": (
        "Only an admin may change that in a group.",
        "在群里只有管理员可以更改这个设置。",
    ),
    "unknown_command": (
        "I do not know `/{command}`. `/help` lists what I know.",
        "我不认识 `/{command}`。`/help` 列出了我认识的命令。",
    ),
    "model_is": (
        "The model here is `{model}`. There are:\n\n{models}\n\n`/model NAME` chooses another, "
        "`/model default` goes back.",
        "这里的模型是 `{model}`。可选：\n\n{models}\n\n`/model 名称` 换一个，"
        "`/model default` 恢复默认。",
    ),
    "price": (
        "${read} for a million tokens read, ${written} for a million written",
        "每百万 token：输入 ${read}，输出 ${written}",
    ),
    "price_none": ("no charge", "不收费"),
    "price_unknown": ("its price is not known", "价格未知"),
    "model_set": ("From now on `{model}` answers here.", "从现在起，这里由 `{model}` 回答。"),
    "model_not_allowed": (
        "`{model}` may not be chosen here. There are: {names}.",
        "这里不能选择 `{model}`。可选：{names}。",
    ),
    "compare_usage": (
        "Ask several models at once: `/compare why is the sky blue?`, or name them: "
        "`/compare --models=one,two why is the sky blue?`",
        "让几个模型同时回答：`/compare 天空为什么是蓝色的？`，或者指定模型："
        "`/compare --models=one,two 天空为什么是蓝色的？`",
    ),
    "persona_is": (
        "I am `{persona}` here. There are: {personas}.",
        "我在这里是 `{persona}`。可选：{personas}。",
    ),
    "persona_set": ("From now on I am `{persona}` here.", "从现在起，我在这里是 `{persona}`。"),
    "persona_unknown": (
        "I have no persona `{persona}`. There are: {personas}.",
        "没有 `{persona}` 这个角色。可选：{personas}。",
    ),
    "voice_on": (
        "Here I answer with my voice too. `/voice off` ends it.",
        "我在这里也用语音回答。`/voice off` 可以关闭。",
    ),
    "voice_off": (
        "Here I answer in writing only. `/voice on` lets me speak.",
        "我在这里只用文字回答。`/voice on` 可以让我说话。",
    ),
    "voice_missing": (
        "I have no voice: my operator would have to set SPEECH_MODEL.",
        "我还不会说话：需要管理员设置 SPEECH_MODEL。",
    ),
    "system_is": (
        "What I keep in mind here:\n\n> {system}\n\n`/system clear` removes it.",
        "我在这里记住的是：\n\n> {system}\n\n`/system clear` 可以删除。",
    ),
    "system_none": (
        "Nothing special here. `/system TEXT` tells me what to keep in mind.",
        "这里没有特别的设定。`/system 内容` 可以告诉我。",
    ),
    "system_set": ("I will keep that in mind here.", "好的，我在这里会记住。"),
    "system_cleared": ("I have put that out of my mind.", "好的，已经删除。"),
    "usage": (
        "This conversation: {exchanges} exchanges, about {tokens} tokens. Model: `{model}`.",
        "这个对话：{exchanges} 轮，约 {tokens} 个 token。模型：`{model}`。",
    ),
    "usage_here": (
        "Used here: {turns} answers, {prompt} tokens read, {completion} written, "
        "{pictures} pictures{cost}.",
        "这里已用：{turns} 次回答，读 {prompt} 个 token，写 {completion} 个，"
        "{pictures} 张图{cost}。",
    ),
    "usage_yours": (
        "Used by you, everywhere: {turns} answers, {prompt} tokens read, {completion} written, "
        "{pictures} pictures{cost}.",
        "你在各处已用：{turns} 次回答，读 {prompt} 个 token，写 {completion} 个，"
        "{pictures} 张图{cost}。",
    ),
    "language_is": (
        "I speak {language} here. There are: `en`, `zh`.",
        "我在这里说{language}。可选：`en`、`zh`。",
    ),
    "language_set": ("From now on I speak English here.", "从现在起，我在这里说中文。"),
    "image_usage": (
        "Tell me what to paint: `/image a red fox in the snow --size 1024x1024`",
        "告诉我画什么：`/image 雪地里的红狐狸 --size 1024x1024`",
    ),
    "image_option": (
        "I do not know the option `{option}`. There are `--size`, `--n`, `--quality`, `--style`, "
        "`--background`, `--format` and `--model`.",
        "我不认识选项 `{option}`。可用："
        "`--size`、`--n`、`--quality`、`--style`、`--background`、`--format`、`--model`。",
    ),
    "image_takes": (
        "`{model}` wants {wanted} for `--{option}`, not `{value}`.",
        "`{model}` 的 `--{option}` 应为 {wanted}，而不是 `{value}`。",
    ),
    "image_changes_none": (
        "`{model}` paints, but does not change pictures. `--model NAME` names another.",
        "`{model}` 只会画图，不会修改图片。可以用 `--model 名称` 换一个。",
    ),
    "image_unread": (
        "I could not read that picture. Please send it again.",
        "我读不了那张图片，请重新发送。",
    ),
    "image_largest": (
        "That is as large as I can paint it.",
        "这已经是我能画的最大尺寸了。",
    ),
    "image_takes_none": (
        "`{model}` has no `--{option}`.",
        "`{model}` 没有 `--{option}` 选项。",
    ),
    "image_value": (
        "`{option}` wants {wanted}, not `{value}`.",
        "`{option}` 应为 {wanted}，而不是 `{value}`。",
    ),
    "painting": ("*Painting …*", "*正在画……*"),
    "again": ("↻ Again", "↻ 重画"),
    "another": ("＋ Another", "＋ 换一张"),
    "larger": ("⤢ Larger", "⤢ 更大"),
    "variation": (
        "another version: the same idea, composed in another way",
        "另一个版本：同样的主题，不同的构图",
    ),
    "stop": ("■ Stop", "■ 停止"),
    "retry": ("↻ Retry", "↻ 重试"),
    "continue": ("▸ Continue", "▸ 继续"),
    "overloaded": (
        "The model is busy or cannot be reached right now. Please try again.",
        "模型现在很忙或无法连接，请再试一次。",
    ),
    "interrupted": (
        "The answer was cut off, and trying again did not help. Please try again later.",
        "回答中断了，重新尝试也没有成功，请稍后再试。",
    ),
    "refused_key": (
        "The model does not accept this bot's key. Its operator has to look at it.",
        "模型不接受这个机器人的密钥，需要管理员检查。",
    ),
    "refused_balance": (
        "This bot's account with the model provider has run dry.",
        "这个机器人在模型服务商的余额已用完。",
    ),
    "refused_model": (
        "The model provider does not know this model. `/model` chooses another.",
        "服务商没有这个模型。可以用 `/model` 换一个。",
    ),
    "refused_policy": (
        "The provider's content rules do not allow this one.",
        "服务商的内容规则不允许这个请求。",
    ),
    "refused_filter": (
        "The rules of this bot do not allow this one.",
        "这个机器人的规则不允许这个内容。",
    ),
    "refused_length": (
        "This question is too long for the model, even without what was said before it.",
        "这个问题太长了，即使不带之前的对话，模型也处理不了。",
    ),
    "refused_request": (
        "The model refused this request. Its operator finds the reason in the log.",
        "模型拒绝了这个请求，管理员可以在日志里看到原因。",
    ),
    "refused_endless": (
        "The answer did not come to an end; I cut it here.",
        "回答没完没了，我在这里截断了。",
    ),
    "refused_thinking": (
        "The model only thought, and ended before it came to an answer. Please ask again, or for "
        "something shorter.",
        "模型只顾着思考，还没开始回答就结束了。请再试一次，或者问得简短一些。",
    ),
    "refused_tools": (
        "The model wanted to use a tool instead of answering, and has none in this chat. Please "
        "ask it to answer in words.",
        "模型想使用工具而没有回答，但这里没有可用的工具。请让它直接用文字回答。",
    ),
    "refused_picture": (
        "The image service did not answer with a picture that I can show.",
        "图片服务返回的不是可以显示的图片。",
    ),
    "refused_empty": (
        "The model returned nothing. Please try again.",
        "模型什么也没有返回，请再试一次。",
    ),
    "set_aside": (
        "I tried several times and could not answer this. It is set aside for my operator.",
        "我试了几次都没能回答，已留给管理员处理。",
    ),
    "internal": (
        "Something went wrong on my side. It is written down; please try again.",
        "我这边出了点问题，已经记录下来，请再试一次。",
    ),
}
