#include "base/options.h"

#include "base/error.h"

#include <array>

#include <doctest/doctest.h>

using namespace everseal::base;
using namespace std::string_literals;

namespace {

constexpr std::array<std::string_view, 2> kColours{"red", "green"};
constexpr std::array<Option, 2> kFields{{{.name = "connect", .required = true}, {.name = "sni"}}};
const std::array<Option, 12> kDeclared{{
    {.name = "directory", .type = OptionType::path, .summary = "where the files go", .required = true},
    {.name = "owner"},
    {.name = "port", .type = OptionType::integer, .fallback = "443"},
    {.name = "strict", .type = OptionType::boolean, .fallback = "true"},
    {.name = "wait", .type = OptionType::duration, .fallback = "30s"},
    {.name = "mode", .type = OptionType::mode, .fallback = "0640"},
    {.name = "colour", .type = OptionType::choice, .choices = kColours},
    {.name = "contents", .type = OptionType::names, .fallback = "fullchain privkey"},
    {.name = "reload", .type = OptionType::command},
    {.name = "key_file", .type = OptionType::secret_file},
    {.name = "verify", .type = OptionType::items, .fields = kFields},
    {.name = "empty", .type = OptionType::string},
}};
constexpr std::array<std::string_view, 1> kIgnored{"type"};

template <class T>
Value at_line(T data, int line = 7) {
  return {std::move(data), {"/etc/everseal/conf.d/x.toml", line}};
}

Options validate(const Table& table, Problems& problems) {
  return Options::validate(table, kDeclared, "certificate.www.deploy.nginx", {"/etc/everseal/conf.d/x.toml", 5},
                           kIgnored, problems);
}

}  // namespace

TEST_CASE("values of every type are read back, and fallbacks stand for what is absent") {
  Problems problems;
  const Options options =
      validate({{"type", at_line("files"s)},
                {"directory", at_line("../tls"s)},
                {"port", at_line(std::int64_t{8443})},
                {"wait", at_line("1d12h"s)},
                {"colour", at_line("green"s)},
                {"reload", at_line(List{at_line("systemctl"s), at_line("reload"s)})},
                {"key_file", at_line("credential:smtp"s)},
                {"verify",
                 at_line(List{at_line(Table{{"connect", at_line("a:1"s)}, {"sni", at_line("b"s)}}), at_line("c:2"s)})}},
               problems);
  REQUIRE(problems.empty());
  CHECK(options.string("directory") == "/etc/everseal/tls");
  CHECK(options.string("key_file") == "credential:smtp");
  CHECK(options.string("colour") == "green");
  CHECK(options.integer("port") == 8443);
  CHECK(options.duration("wait") == Seconds(129600));
  CHECK(options.strings("reload") == std::vector<std::string>{"systemctl", "reload"});
  CHECK(options.boolean("strict"));
  CHECK(options.mode("mode") == 0640U);
  CHECK(options.strings("contents") == std::vector<std::string>{"fullchain", "privkey"});
  REQUIRE(options.items("verify").size() == 2);
  CHECK(options.items("verify")[0].string("sni") == "b");
  CHECK(options.items("verify")[1].string("connect") == "c:2");
  CHECK(options.has("port"));
  CHECK_FALSE(options.has("owner"));
  CHECK(options.string("owner").empty());
}

TEST_CASE("what is wrong is said with its place, its key and a way out") {
  struct Case {
    std::string name;
    Value value;
    std::string message, hint;
  };
  const std::string key = "certificate.www.deploy.nginx.";
  const Case cases[] = {
      {"directroy", at_line("/x"s), "unknown key", "did you mean 'directory'?"},
      {"port", at_line("443"s), "expected an integer, found a string", ""},
      {"strict", at_line(std::int64_t{1}), "expected true or false, found an integer", ""},
      {"owner", at_line(true), "expected a string, found a boolean", ""},
      {"owner", at_line("a\0b"s), "holds a NUL", ""},
      {"key_file", at_line("k\0"s), "holds a NUL", ""},
      {"key_file", at_line(""s), "an empty path", ""},
      {"wait", at_line("soon"s), "'soon' is not a duration", "write for example 90d, 36h or 15m"},
      {"mode", at_line("rw"s), "'rw' is not a file mode", "write for example \"0640\""},
      {"mode", at_line("0888"s), "'0888' is not a file mode", "write for example \"0640\""},
      {"mode", at_line("17777"s), "'17777' is not a file mode", "write for example \"0640\""},
      {"mode", at_line("64"s), "'64' is not a file mode", "write for example \"0640\""},
      {"colour", at_line("blue\x1b"s), "'blue\\x1b' is not one of its values", "one of: red, green"},
      {"contents", at_line(true), "expected a list of strings, found a boolean", ""},
      {"contents", at_line("a\0"s), "holds a NUL", ""},
      {"reload", at_line("nginx"s), "expected a list of strings, found a string", ""},
      {"contents", at_line(List{at_line(std::int64_t{1})}), "expected a list of strings, found a list", ""},
      {"contents", at_line(List{at_line("a\0"s)}), "holds a NUL", ""},
      {"reload", at_line(List{}), "a command needs at least the name of a program", ""},
      {"reload", at_line(List{at_line(""s)}), "a command needs at least the name of a program", ""},
      {"verify", at_line(Table{}), "expected a list of tables, found a table", ""},
  };
  for (const auto& [name, value, message, hint] : cases) {
    CAPTURE(name);
    CAPTURE(message);
    Problems problems;
    validate({{"directory", at_line("/x"s)}, {name, value}}, problems);
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].message == message);
    CHECK(problems[0].hint == hint);
    CHECK(problems[0].key == key + name);
    CHECK(problems[0].origin.line == 7);
  }
}

TEST_CASE("all problems are found at once, those inside items too") {
  Problems problems;
  validate({{"prot", at_line(std::int64_t{1}, 8)},
            {"wait", at_line("x"s, 9)},
            {"verify", at_line(List{at_line(Table{{"snl", at_line("x"s, 11)}}, 10), at_line(true, 12)}, 10)}},
           problems);
  std::vector<std::string> texts;
  for (const Problem& problem : problems) texts.push_back(to_string(problem));
  const std::string file = "/etc/everseal/conf.d/x.toml:";
  const std::string key = ": certificate.www.deploy.nginx.";
  CHECK(texts == std::vector<std::string>{
                     file + "8" + key + "prot: unknown key (did you mean 'port'?)",
                     file + "9" + key + "wait: 'x' is not a duration (write for example 90d, 36h or 15m)",
                     file + "11" + key + "verify[0].snl: unknown key (did you mean 'sni'?)",
                     file + "10" + key + "verify[0].connect: is missing",
                     file + "12" + key + "verify[1]: expected a table, found a boolean",
                     file + "5" + key + "directory: is missing (where the files go)",
                 });
}

TEST_CASE("different values have different entries, in the order of declaration") {
  const auto entries = [](List contents) {
    Problems problems;
    return validate({{"contents", at_line(std::move(contents))}, {"directory", at_line("/x"s)}}, problems).entries();
  };
  const auto two = entries({at_line("a"s), at_line("b"s)});
  CHECK(two != entries({at_line("a b"s)}));
  CHECK(two != entries({at_line("a\", \"b"s)}));
  CHECK(two.front() == std::pair("directory"s, "/x"s));
  CHECK(two.back() == std::pair("contents"s, "[\"a\", \"b\"]"s));
}

TEST_CASE("reading what was not declared, or as another type, is a programming error") {
  Problems problems;
  const Options options = validate({{"directory", at_line("/x"s)}}, problems);
  const auto fault_of = [](auto&& call) {
    try {
      call();
    } catch (const Error& error) {
      return error.fault();
    }
    return Fault::usage;
  };
  CHECK(fault_of([&] { (void)options.string("directori"); }) == Fault::internal);
  CHECK(fault_of([&] { (void)options.integer("directory"); }) == Fault::internal);
  CHECK(fault_of([&] { (void)options.string("port"); }) == Fault::internal);
}

TEST_CASE("values are found by key and problems shown harmlessly") {
  const Table table{{"a", at_line("1"s)}, {"b", at_line(true)}};
  REQUIRE(find(table, "b") != nullptr);
  CHECK(std::get<bool>(find(table, "b")->data));
  CHECK(find(table, "c") == nullptr);
  CHECK(to_string(Origin{}).empty());
  CHECK(to_string(Origin{"--deploy-dir", 0}) == "--deploy-dir");
  CHECK(to_string(Problem{{"a\n.toml", 3}, "k\x1b", "is wrong", ""}) == "a\\n.toml:3: k\\x1b: is wrong");
  CHECK(to_string(Problem{{}, "", "is wrong", "do this"}) == "is wrong (do this)");
}
