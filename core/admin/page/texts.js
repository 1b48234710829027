// All texts of the operator's page. It is in English only.

export const TABS = { now: "Now", time: "Over time", people: "People", budgets: "Budgets", places: "Places", tools: "Models and tools", letters: "Set aside", broadcast: "Broadcast", changes: "Changes" };

export const T = {
  closed: "This page is for owners",
  closed_how: "Send /admin to the bot, as its owner and in private: it answers with a link that works once. Or sign in with the ADMIN_TOKEN of the settings.",
  token: "ADMIN_TOKEN",
  sign_in: "Sign in",
  sign_in_link: "Sign in with the link",
  wrong_token: "That is not it, or there were too many tries. A link works once.",
  sign_out: "Sign out",
  away: "The server does not answer. Trying again…",
  done: "Done.",
  undo: "Undo",
  cancel: "Cancel",
  sure: "Are you sure?",
  pause: "Pause",
  go_on: "Go on",
  nothing: "Nothing.",
  file: "Models, filters, personas, places and budgets in it hold as soon as it is changed, on each replica for itself, and without a restart. A wrong file changes nothing. Its keys are in variables, which are never shown.",
  added: "The tables model, persona, place, filter and budget of palaver.toml, for all replicas. Where both speak of the same, the file holds. A key has a name here, and its value stands below. Nothing that reads files or starts programs is taken.",
  added_example: '[[persona]]\nname = "support"\ntext = "You help our customers."\n\n[[model]]\nname = "fast"\nbase_url = "https://api.deepseek.com"\nmodel = "deepseek-chat"\nkey = "deepseek"',
  keys: "A key is kept encrypted, is never shown again, and goes to its own server only.",
  no_keys: "To keep keys here, set ACCOUNTS_KEY to 16 random characters or more.",
  place: "As /settings there. What its people must be told, and their own words, are changed there only. The value reset lets it be inherited again.",
  maintenance: "Maintenance",
  maintenance_on: "People are told that the bot is being worked on, and their questions are not taken. Admins may go on.",
  maintenance_off: "Questions are taken.",
  begin: "Begin",
  end: "End",
};
