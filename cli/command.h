// A command is data: its words, its options and a function. One file a command in commands/; parse.cpp turns them into
// a parser.
#pragma once

#include "base/encoding.h"
#include "base/name.h"
#include "reconcile/host.h"
#include "reconcile/verb.h"
#include "reconcile/verdict.h"

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace everseal::report {
class JsonWriter;
}

namespace everseal::cli {

enum class ArgumentType { flag, value, values };

struct Argument {
  std::string_view name = "";  // "--as", "-d,--domain", "NAME" for a positional one, "" for a field that is not said
  std::string_view summary;
  ArgumentType type = ArgumentType::value;
  std::string_view value = "";  // what the value is called in help: "FILE", "30d"
  bool required = false;
  // The field of the command's verb that this says. Its type, whether it is required and, where they are not given
  // here, its summary and what its value is called are the field's.
  std::string_view field = "";
};

// What a command exits with that found what its caller wants to be told of.
inline constexpr int kFindings = 3;

enum class Group { certificates, inventory, authority, account, care };

// What the command line said, by the long name without dashes ("deploy-dir") or the positional's name ("NAME").
struct Arguments {
  std::map<std::string, std::vector<std::string>, std::less<>> values;

  bool has(std::string_view name) const { return values.contains(name); }
  std::optional<std::string> one(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;
};

enum class Output { text, json };
enum class MissingConfig { refused, about_to_be_made };

struct Command;

// Where a command runs. Lives as long as main().
struct Context {
  const Command* command = nullptr;
  Arguments arguments;
  Output output = Output::text;
  std::optional<std::string> config_file;
  std::optional<std::string> state_option;
  std::optional<std::chrono::seconds> wait;  // for another run
  bool quiet = false;
  std::stop_token stop;

  // Config files and state directory as the options, the environment and the config say; progress goes to stderr.
  // Error(config) where a config that was named is missing, unless it is about to be made.
  reconcile::Host host(MissingConfig missing = MissingConfig::refused) const;
};

struct Command {
  std::string_view words;  // "ca init"
  Group group;
  std::string_view summary;      // one line, lower case, no full stop
  std::string_view description;  // more, with examples; wrapped as written
  std::span<const Argument> arguments;
  int (*run)(Context& context);  // the exit code; throws base::Error
  // Whose fields are arguments too: "delete_keys" is --delete-keys, unless an argument says it otherwise.
  const reconcile::Verb* verb = nullptr;
};
std::span<const Command* const> commands();

// An argument as it is parsed and shown.
struct Parameter {
  std::string name;  // as Argument::name
  std::string_view summary;
  ArgumentType type;
  std::string_view value;
  bool required;
  const base::Option* field;  // or null
  bool is_positional() const noexcept { return !name.starts_with('-'); }
  std::string key() const;  // in Arguments
};
// The positional ones, the fields of the verb in their order, what is the command's alone.
std::vector<Parameter> parameters(const Command& command);

// What was said of the fields of the command's verb, checked. Paths are absolute. Error(usage).
base::Options request(const Context& context);
// Runs the command's verb with that, and shows its answer; the exit code.
int run_verb(Context& context);

// How much a message matters, for the journal.
enum class Weight { plain, warning, error };
// Writes data to stdout; a reader that went away ends the program quietly.
void print(std::string_view text, Weight weight = Weight::plain);
// Writes a message for a person to stderr.
void note(std::string_view text, Weight weight = Weight::plain);
// Writes the one document of --json to stdout: a JSON object, with the format's number as its first member.
void print_document(std::string_view object);
// Writes what there is of a document that is too large to be held, which begins with the format's number itself.
inline constexpr std::size_t kPartSize = 1 << 16;  // from which on that is worth it
void print_part(report::JsonWriter& writer);
// A verdict in the chosen form, and its exit code.
int show(const Context& context, const reconcile::Verdict& verdict);
// A warning to stderr.
void show_remark(const reconcile::Remark& remark);

// What a command hands over: to the file of --out, else to stdout; with --json a document that names the file or holds
// the text. Error(usage) for binary data as JSON without --out.
enum class HandOver { text, binary };
void hand_over(const Context& context, HandOver form, base::BytesView bytes, mode_t mode);

// Positional or option as a validated name. Error(usage).
base::Name name_argument(const Context& context, std::string_view argument, std::string_view what);
// A whole number from 1 to a million.
int number_argument(std::string_view text, std::string_view option);
base::Seconds duration_argument(std::string_view text, std::string_view option);

}  // namespace everseal::cli
