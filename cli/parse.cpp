#include "parse.h"

#include "base/error.h"
#include "base/text.h"
#include "documents.h"
#include "reconcile/request.h"
#include "report/json.h"
#include "report/wrap.h"
#include "terminal.h"
#include "version.h"

#include <algorithm>
#include <memory>
#include <span>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace everseal::cli {
namespace {

struct Heading {
  Group group;
  std::string_view text;
};
constexpr Heading kHeadings[] = {{Group::certificates, "Certificates"},
                                 {Group::inventory, "Inventory"},
                                 {Group::authority, "Internal CA"},
                                 {Group::account, "ACME accounts"},
                                 {Group::care, "Care"}};

constexpr std::string_view kGlobalHelp =
    "Options for every command\n"
    "  --config FILE   use this config file\n"
    "  --state DIR     use this state directory\n"
    "  --wait 5m       wait that long for another run; without it: not at all\n"
    "  --json          print one JSON document instead of text\n"
    "  -q, --quiet     print only what failed or needs you\n"
    "  -v, --verbose   print why, and each command that is run; -vv: each request too\n"
    "  -h, --help      explain a command\n"
    "  -V, --version   print the version; without a command\n";

std::size_t help_width() { return std::min<std::size_t>(width(Stream::output).value_or(80), 100); }

std::string overview() {
  std::string text =
      "everseal keeps certificates alive: issues, rotates, verifies and watches them.\n\n"
      "Usage: everseal [OPTIONS] COMMAND ...\n";
  std::size_t column = 0;
  for (const Command* command : commands()) column = std::max(column, command->words.size());
  for (const Heading& heading : kHeadings) {
    std::string lines;
    for (const Command* command : commands())
      if (command->group == heading.group)
        lines +=
            fmt::format("  {:<{}}  {}\n", command->words, column, wrap(command->summary, column + 4, help_width()));
    if (!lines.empty()) text += fmt::format("\n{}\n{}", heading.text, lines);
  }
  return text +
         fmt::format(
             "\n{}\n`everseal COMMAND --help` says more about a command, `everseal help json` what\n--json prints.\n",
             kGlobalHelp);
}

std::string called(const Document& document) {
  if (document.command.empty()) return fmt::format("every command {}", document.when);
  return fmt::format("{}{}{}", document.command, document.when.empty() ? "" : " ", document.when);
}

// `everseal help json`: a line a document.
std::string document_list() {
  std::size_t column = 0;
  for (const Document& document : documents()) column = std::max(column, called(document).size());
  std::string text =
      "What --json prints: one document, to standard output, that keeps to schema/output/NAME.schema.json.\n\n";
  for (const Document& document : documents())
    text += fmt::format("  {:<{}}  {}\n", called(document), column, document.schema);
  return text;
}

std::string usage_of(const Parameter& argument) {
  if (argument.is_positional()) return argument.name;
  std::string text;
  for (const std::string& form : base::split(argument.name, ',')) text += text.empty() ? form : ", " + form;
  if (argument.type != ArgumentType::flag)
    text += fmt::format(" {}", argument.value.empty() ? "VALUE" : argument.value);
  return text;
}

// Lines of prose make a paragraph that is wrapped; examples are indented, and stand as they are so that they can be
// copied.
std::string wrapped(std::string_view description, std::size_t width) {
  std::string text;
  std::string paragraph;
  const auto end_paragraph = [&] {
    if (!paragraph.empty()) text += wrap(paragraph, 0, width) + '\n';
    paragraph.clear();
  };
  for (const std::string& line : base::split(description, '\n')) {
    if (!line.empty() && !line.starts_with("  ")) {
      paragraph += (paragraph.empty() ? "" : " ") + line;
      continue;
    }
    end_paragraph();
    text += line + '\n';
  }
  end_paragraph();
  return text;
}

std::string help_of(const Command& command) {
  std::string line = fmt::format("Usage: everseal {}", command.words);
  bool options = false;
  std::size_t column = 0;
  const std::vector<Parameter> all = parameters(command);
  for (const Parameter& argument : all) {
    options |= !argument.is_positional();
    column = std::max(column, usage_of(argument).size());
    if (!argument.is_positional()) continue;
    const std::string_view more = argument.type == ArgumentType::values ? " ..." : "";
    line += argument.required ? fmt::format(" {}{}", argument.name, more) : fmt::format(" [{}{}]", argument.name, more);
  }
  if (options) line += " [OPTIONS]";
  std::string text = fmt::format("{}: {}\n\n{}\n", command.words, command.summary, line);
  const std::size_t width = help_width();
  if (!command.description.empty()) text += '\n' + wrapped(command.description, width);
  if (!all.empty()) text += "\n";
  column = std::min<std::size_t>(column, 28);
  for (const Parameter& argument : all) {
    const std::string usage = usage_of(argument);
    const std::string summary = wrap(argument.summary, column + 4, width);
    if (usage.size() > column)
      text += fmt::format("  {}\n  {:<{}}  {}\n", usage, "", column, summary);
    else
      text += fmt::format("  {:<{}}  {}\n", usage, column, summary);
  }
  std::string schemas;
  for (const Document& document : documents())
    if (document.command == command.words)
      schemas += fmt::format("{}{}{}", schemas.empty() ? "" : ", ", document.schema,
                             document.when.empty() ? "" : fmt::format(" ({})", document.when));
  if (!schemas.empty()) text += fmt::format("\n--json prints: {}\n", wrap(schemas, {15, 2}, width));
  return text;
}

void add_globals(CLI::App& app, Parsed& parsed, std::optional<std::string>& wait, bool& quiet, bool& json, bool& help) {
  app.add_option("--config", parsed.context.config_file);
  app.add_option("--state", parsed.context.state_option);
  app.add_option("--wait", wait);
  app.add_flag("--json", json);
  app.add_flag("-q,--quiet", quiet);
  app.add_flag_callback("-v,--verbose", [&parsed] { ++parsed.verbosity; })
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_flag("-h,--help", help);
}

// Bounded, and a day at the most: what nobody watches would wait for ever, and pile up.
std::chrono::seconds wait_argument(std::string_view text) {
  constexpr std::chrono::days kLongest{1};
  if (text == "0" || text == "0s") return {};
  const base::Seconds wait = duration_argument(text, "--wait");
  if (wait > kLongest)
    throw base::Error(base::Fault::usage, fmt::format("--wait: {} is longer than a day", base::printable(text)),
                      "who holds the lock for that long needs a look: say --wait 1d, or less");
  return wait;
}

CLI::Option* bind(CLI::App& app, const Parameter& argument) {
  // Requirements are checked after --help was looked for, so that help never fails.
  if (argument.type == ArgumentType::flag) return app.add_flag(argument.name);
  CLI::Option* const option =
      app.add_option(argument.name, CLI::callback_t([](const CLI::results_t&) { return true; }));
  if (argument.type == ArgumentType::values)
    option->expected(argument.is_positional() ? -1 : 1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->take_all();
  else
    option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::Throw);
  if (!argument.is_positional() && argument.type == ArgumentType::values) option->allow_extra_args(false);
  return option;
}

// What other tools call what is done here.
struct Foreign {
  std::string_view word;
  std::string_view ours;
};
constexpr Foreign kForeign[] = {
    {"certificates", "list"},
    {"certs", "list"},
    {"ls", "list"},
    {"status", "list"},
    {"expiring", "list"},
    {"certonly", "issue"},
    {"certificate", "issue"},
    {"run", "issue"},
    {"obtain", "issue"},
    {"request", "issue"},
    {"get", "issue"},
    {"new", "issue"},
    {"create", "issue"},
    {"enroll", "issue"},
    {"delete", "remove"},
    {"rm", "remove"},
    {"forget", "remove"},
    {"reissue", "renew"},
    {"rotate", "renew"},
    {"install", "deploy"},
    {"reload", "deploy"},
    {"undo", "rollback"},
    {"test", "verify"},
    {"probe", "inspect"},
    {"decode", "inspect"},
    {"lint", "inspect"},
    {"fingerprint", "inspect"},
    {"info", "show"},
    {"view", "show"},
    {"log", "history"},
    {"logs", "history"},
    {"events", "history"},
    {"calendar", "plan"},
    {"dry-run", "plan"},
    {"plugins", "kinds"},
    {"providers", "kinds"},
    {"sign", "ca sign"},
    {"crl", "ca crl"},
    {"root", "ca export"},
    {"register", "account register"},
    {"unregister", "account deactivate"},
    {"update_account", "account update"},
    {"show_account", "account show"},
    {"check", "config check"},
    {"migrate", "import"},
    {"fsck", "doctor"},
    {"acknowledge", "finding acknowledge"},
    {"ack", "finding acknowledge"},
    {"findings", "finding list"},
    {"unacknowledge", "finding reopen"},
    {"repair", "doctor"},
};

const Command* find_command(std::string_view words) {
  for (const Command* command : commands())
    if (command->words == words) return command;
  return nullptr;
}

// `next` is the word behind it, or "".
[[noreturn]] void unknown_command(const std::string& word, const std::string& prefix, const std::string& next = {}) {
  std::vector<std::string> words;
  for (const Command* command : commands()) {
    if (!command->words.starts_with(prefix)) continue;
    words.push_back(base::split(command->words.substr(prefix.size()), ' ').front());
  }
  const auto* const foreign = std::ranges::find(kForeign, prefix + word, &Foreign::word);
  const auto near = base::nearest(word, words);
  std::string hint = "`everseal --help` lists the commands";
  if (foreign != std::end(kForeign))
    hint = fmt::format("did you mean `everseal {}`?", foreign->ours);
  else if (near)
    hint = fmt::format("did you mean `everseal {}{}`?", prefix, *near);
  else if (find_command(next) != nullptr)
    hint = fmt::format("did you mean `everseal {} {}`?", next, base::printable(word));
  throw base::Error(base::Fault::usage, fmt::format("there is no command '{}{}'", prefix, base::printable(word)), hint);
}

// A word that no argument takes.
[[noreturn]] void one_too_many(const Command* command, const std::string& word, const std::string& help_hint) {
  const bool takes_identifiers =
      command != nullptr && std::ranges::any_of(command->arguments, [](const Argument& argument) {
        return argument.name.starts_with("-d,");
      });
  throw base::Error(
      base::Fault::usage, fmt::format("'{}' is one word too many", base::printable(word)),
      takes_identifiers && !word.starts_with('-') && word.find('.') != std::string::npos
          ? fmt::format("names that the certificate is for are given with -d: `-d {}`", base::printable(word))
          : help_hint);
}

std::string version_text(int argc, char** argv) {
  const bool json = std::any_of(argv + 1, argv + argc, [](std::string_view word) { return word == "--json"; });
  return json ? fmt::format("{{\n  \"{}\": {},\n  \"version\": {}\n}}\n", report::kFormatKey, report::kFormat,
                            base::json_string(kVersion))
              : fmt::format("everseal {}\n", kVersion);
}

// Is the next word the value of this option of every command?
bool takes_next(std::string_view word) { return word == "--config" || word == "--state" || word == "--wait"; }

// How many words an option of every command takes up, its value included; 0 where `word` is none.
int global_words(std::string_view word) {
  if (takes_next(word)) return 2;
  for (const std::string_view option : {"--json", "-q", "--quiet", "-v", "-vv", "--verbose"})
    if (word == option) return 1;
  for (const std::string_view option : {"--config=", "--state=", "--wait="})
    if (word.starts_with(option)) return 1;
  return 0;
}

// What stands behind `help` without the options of every command; nullopt where that is not the command.
std::optional<std::vector<char*>> help_topic(int argc, char** argv) {
  std::optional<std::vector<char*>> topic;
  for (int i = 1; i < argc;) {
    if (const int words = global_words(argv[i]); words > 0) {
      i += words;
      continue;
    }
    if (topic)
      topic->push_back(argv[i]);
    else if (std::string_view(argv[i]) == "help")
      topic.emplace();
    else
      return std::nullopt;
    ++i;
  }
  return topic;
}

// Asks the command line for the version and nothing else, beside options of every command?
bool asks_version(int argc, char** argv) {
  bool asked = false;
  for (int i = 1; i < argc;) {
    const std::string_view word = argv[i];
    const bool is_it = word == "--version" || word == "-V";
    const int words = is_it ? 1 : global_words(word);
    if (words == 0) return false;
    asked = asked || is_it;
    i += words;
  }
  return asked;
}

}  // namespace

Parsed parse(int argc, char** argv) {
  Parsed parsed;
  // Before anything is built: the two things that scripts ask often.
  if (asks_version(argc, argv)) {
    parsed.text = version_text(argc, argv);
    return parsed;
  }
  if (auto topic = help_topic(argc, argv)) {
    const std::string_view only = topic->size() == 1 ? topic->front() : "";
    if (topic->empty())
      parsed.text = overview();
    else if (only == "json")
      parsed.text = document_list();
    else if (only == "requests")
      parsed.text = reconcile::request_schema();
    else {
      char help_option[] = "--help";
      topic->insert(topic->begin(), argv[0]);
      topic->push_back(help_option);
      return parse(static_cast<int>(topic->size()), topic->data());
    }
    return parsed;
  }
  if (argc < 2) throw base::Error(base::Fault::usage, "no command was given", "`everseal --help` lists them");

  // Only the command that is meant is bound: building a parser for all of them costs more than most commands do.
  std::vector<std::string> words;
  for (int i = 1; i < argc && words.size() < 2; ++i) {
    const std::string_view word = argv[i];
    if (takes_next(word))
      ++i;
    else if (!word.starts_with('-'))
      words.emplace_back(word);
  }
  const Command* command = nullptr;
  std::string prefix;
  if (!words.empty()) {
    for (const Command* candidate : commands()) {
      if (candidate->words == words.front()) command = candidate;
      if (words.size() == 2 && candidate->words == words[0] + " " + words[1]) command = candidate;
      if (candidate->words.starts_with(words.front() + " ")) prefix = words.front() + " ";
    }
  }

  std::optional<std::string> wait;
  bool quiet = false;
  bool json = false;
  bool help = false;
  CLI::App app;
  app.set_help_flag();
  app.name("everseal");
  app.allow_extras(command == nullptr);
  add_globals(app, parsed, wait, quiet, json, help);
  CLI::App* level = &app;
  const std::vector<Parameter> all = command == nullptr ? std::vector<Parameter>() : parameters(*command);
  std::vector<std::pair<const Parameter*, CLI::Option*>> options;
  if (command != nullptr) {
    for (const std::string& word : base::split(command->words, ' ')) {
      level = level->add_subcommand(word);
      level->set_help_flag();
      level->fallthrough();
    }
    for (const Parameter& argument : all) options.emplace_back(&argument, bind(*level, argument));
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const std::string help_hint = command == nullptr ? "`everseal --help` lists the commands and options"
                                                     : fmt::format("`everseal {} --help` explains it", command->words);
    std::vector<std::string> known{"--config", "--state", "--wait", "--json", "--quiet", "--verbose", "--help"};
    for (const Parameter& argument : all)
      if (!argument.is_positional()) known.push_back("--" + argument.key());
    if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
      // The option comes first: the word after an unknown one is often its value. Subcommands pass on what they do not
      // know.
      const std::vector<std::string> extras = app.remaining(true);
      const auto option = std::ranges::find_if(extras, [](const std::string& extra) { return extra.starts_with('-'); });
      if (option != extras.end()) {
        const std::string name = option->substr(0, option->find('='));
        const auto near = base::nearest(name, known);
        throw base::Error(base::Fault::usage, fmt::format("there is no option '{}' here", base::printable(name)),
                          near ? fmt::format("did you mean {}?", *near) : help_hint);
      }
      if (!extras.empty()) one_too_many(command, extras.front(), help_hint);
    }
    if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
      const std::string_view text = error.what();  // "--domain: 1 required TEXT missing"
      if (const auto colon = text.find(": "); colon != std::string_view::npos)
        throw base::Error(base::Fault::usage,
                          fmt::format("{} {}", base::printable(text.substr(0, colon)),
                                      text.ends_with("missing") ? "needs a value" : "stands there more than once"),
                          help_hint);
    }
    throw base::Error(base::Fault::usage, base::lower(base::printable(std::string_view(error.what()))), help_hint);
  }

  if (command == nullptr) {
    if (words.empty() || (help && words.size() == 1 && !prefix.empty())) {
      if (!help && words.empty())
        for (const std::string& extra : app.remaining())
          throw base::Error(base::Fault::usage, fmt::format("there is no option '{}' here", base::printable(extra)),
                            "`everseal --help` lists the commands and options");
      parsed.text = overview();
      return parsed;
    }
    if (!prefix.empty() && words.size() == 2) unknown_command(words[1], prefix);
    if (!prefix.empty()) {
      std::string list;
      for (const Command* candidate : commands())
        if (candidate->words.starts_with(prefix))
          list += fmt::format("{}{}", list.empty() ? "" : ", ", candidate->words.substr(prefix.size()));
      throw base::Error(base::Fault::usage, fmt::format("'everseal {}' needs one more word", words.front()),
                        fmt::format("one of: {}", list));
    }
    unknown_command(words.front(), "", words.size() == 2 ? words[1] : "");
  }
  if (help) {
    parsed.text = help_of(*command);
    return parsed;
  }
  for (const auto& [argument, option] : options) {
    if (option->count() > 0) {
      parsed.context.arguments.values[argument->key()] =
          argument->type == ArgumentType::flag ? std::vector<std::string>{} : option->results();
    } else if (argument->required) {
      throw base::Error(base::Fault::usage, fmt::format("{} is missing", usage_of(*argument)),
                        fmt::format("`everseal {} --help` explains it", command->words));
    }
  }
  if (wait) parsed.context.wait = wait_argument(*wait);
  parsed.command = command;
  parsed.context.command = command;
  parsed.context.quiet = quiet;
  parsed.context.output = json ? Output::json : Output::text;
  if (quiet) parsed.verbosity = -1;
  return parsed;
}

}  // namespace everseal::cli
