#include "base/options.h"

#include "base/error.h"

#include <array>

#include <doctest/doctest.h>

using namespace everseal::base;
using namespace std::string_literals;

namespace {

constexpr std::array<std::string_view, 2> kColours{"red", "green"};
constexpr std::array<Option, 2> kFields{{{.name = "connect", .required = true}, {.name = "sni"}}};
const std::array<Option, 20> kDeclared{{
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
    {.name = "level", .type = OptionType::integer, .lowest = 1, .highest = 9},
    {.name = "listen", .type = OptionType::port},
    {.name = "address", .type = OptionType::address},
    {.name = "servers", .type = OptionType::servers},
    {.name = "proxy", .type = OptionType::url},
    {.name = "proxy_password_file", .type = OptionType::secret_file},
    {.name = "api", .type = OptionType::url},
    {.name = "user", .type = OptionType::user},
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
      {"port", at_line("443"s), "expected an integer, found a string", "write port = 443"},
      {"port", at_line("https"s), "expected an integer, found a string", ""},
      {"strict", at_line(std::int64_t{1}), "expected true or false, found an integer", "write strict = true"},
      {"strict", at_line("no"s), "expected true or false, found a string", "write strict = false"},
      {"owner", at_line(true), "expected a string, found a boolean", "write owner = \"true\""},
      {"owner", at_line(List{at_line("web"s)}), "expected a string, found a list", "write owner = \"web\""},
      {"wait", at_line(std::int64_t{42}), "expected a duration like \"90d\", found an integer", "write wait = \"42s\""},
      {"mode", at_line(std::int64_t{640}), "expected a file mode like \"0640\", found an integer",
       "write mode = \"0640\""},
      {"mode", at_line(std::int64_t{888}), "expected a file mode like \"0640\", found an integer", ""},
      {"owner", at_line("a\0b"s), "holds a NUL", ""},
      {"key_file", at_line("k\0"s), "holds a NUL", ""},
      {"key_file", at_line(""s), "an empty path", ""},
      {"wait", at_line("soon"s), "'soon' is not a duration", "write for example 90d, 36h or 15m"},
      {"mode", at_line("rw"s), "'rw' is not a file mode", "write for example \"0640\""},
      {"mode", at_line("0888"s), "'0888' is not a file mode", "write for example \"0640\""},
      {"mode", at_line("17777"s), "'17777' is not a file mode", "write for example \"0640\""},
      {"mode", at_line("64"s), "'64' is not a file mode", "write for example \"0640\""},
      {"colour", at_line("blue\x1b"s), "'blue\\x1b' is not one of its values", "one of: red, green"},
      {"contents", at_line(true), "expected a list of strings, found a boolean", "write contents = [\"true\"]"},
      {"contents", at_line("a\0"s), "holds a NUL", ""},
      {"contents", at_line(List{at_line(std::int64_t{1})}), "expected a list of strings, found a list", ""},
      {"contents", at_line(List{at_line("a\0"s)}), "holds a NUL", ""},
      {"reload", at_line(List{}), "a command needs at least the name of a program", ""},
      {"reload", at_line(List{at_line(""s)}), "a command needs at least the name of a program", ""},
      {"reload", at_line("nginx 't"s), "a quote is not closed", "write the words as a list instead"},
      {"reload", at_line("nginx -t && systemctl reload nginx"s),
       "'&&' means something to a shell only, and none runs it",
       "write reload = [\"/bin/sh\", \"-c\", \"nginx -t && systemctl reload nginx\"]"},
      {"reload", at_line(List{at_line("a"s), at_line("|"s), at_line("b"s)}),
       "'|' means something to a shell only, and none runs it", "write reload = [\"/bin/sh\", \"-c\", \"a | b\"]"},
      {"reload", at_line("kill -HUP $(cat /run/x.pid)"s), "'$(cat' means something to a shell only, and none runs it",
       "write reload = [\"/bin/sh\", \"-c\", \"kill -HUP $(cat /run/x.pid)\"]"},
      {"reload", at_line("nginx -t; true"s), "'-t;' means something to a shell only, and none runs it",
       "write reload = [\"/bin/sh\", \"-c\", \"nginx -t; true\"]"},
      {"reload", at_line("sh -c nginx > /dev/null"s), "'>' means something to a shell only, and none runs it",
       "put what the shell is to do into one word behind -c"},
      {"verify", at_line(true), "expected a list of tables, found a boolean", ""},
      {"level", at_line(std::int64_t{10}), "10 is out of range", "1 to 9"},
      {"level", at_line(std::int64_t{0}), "0 is out of range", "1 to 9"},
      {"listen", at_line(std::int64_t{99999999}), "99999999 is out of range", "1 to 65535"},
      {"listen", at_line(std::int64_t{0}), "0 is out of range", "1 to 65535"},
      {"address", at_line("xyzzy"s), "'xyzzy' is not an IP address", "write for example \"192.0.2.1\" or \"::1\""},
      {"address", at_line("[::1]"s), "'[::1]' is not an IP address", "write for example \"192.0.2.1\" or \"::1\""},
      {"servers", at_line("xyzzy!"s), "'xyzzy!' is not the address of a server",
       "write for example \"192.0.2.53\" or \"[2001:db8::53]:53\""},
      {"servers", at_line(List{at_line("192.0.2.1:70000"s)}), "'192.0.2.1:70000' is not the address of a server",
       "write for example \"192.0.2.53\" or \"[2001:db8::53]:53\""},
      {"proxy", at_line("http://u:hunter2@proxy"s), "a user's name or password in a URL is refused",
       "say USER:PASSWORD in a file, and proxy_password_file = \"PATH\" or \"credential:NAME\""},
      {"proxy", at_line("u@proxy:3128"s), "a user's name or password in a URL is refused",
       "say USER:PASSWORD in a file, and proxy_password_file = \"PATH\" or \"credential:NAME\""},
      {"proxy", at_line("proxy.example:3128"s), "'proxy.example:3128' is no URL",
       "write proxy = \"http://proxy.example:3128\""},
      {"proxy", at_line("http://"s), "'http://' is no URL", "write for example \"https://ca.example.org/directory\""},
      {"api", at_line("https://u@host/?x"s), "a user's name or password in a URL is refused",
       "write the URL without what stands before its '@'"},
      {"user", at_line(""s), "'' is no name of a user", ""},
      {"user", at_line("a b"s), "'a b' is no name of a user", ""},
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

TEST_CASE("what is a list may be one word, and a command one line") {
  Problems problems;
  const Options options = validate({{"directory", at_line("/x"s)},
                                    {"contents", at_line("cert"s)},
                                    {"servers", at_line("[2001:db8::53]:5353"s)},
                                    {"reload", at_line("systemctl reload 'my nginx'"s)},
                                    {"verify", at_line("a:1"s)}},
                                   problems);
  REQUIRE(problems.empty());
  CHECK(options.strings("contents") == std::vector<std::string>{"cert"});
  CHECK(options.strings("servers") == std::vector<std::string>{"[2001:db8::53]:5353"});
  CHECK(options.strings("reload") == std::vector<std::string>{"systemctl", "reload", "my nginx"});
  REQUIRE(options.items("verify").size() == 1);
  CHECK(options.items("verify")[0].string("connect") == "a:1");
  const Options table =
      validate({{"directory", at_line("/x"s)}, {"verify", at_line(Table{{"connect", at_line("b:2"s)}})}}, problems);
  REQUIRE(problems.empty());
  CHECK(table.items("verify")[0].string("connect") == "b:2");
}

TEST_CASE("values of the narrower types are taken in every form they have") {
  const std::pair<std::string, Value> accepts[] = {
      {"level", at_line(std::int64_t{9})},
      {"listen", at_line(std::int64_t{65535})},
      {"address", at_line("0.0.0.0"s)},
      {"address", at_line("fe80::1%eth0"s)},
      {"servers", at_line(List{at_line("192.0.2.1"s), at_line("192.0.2.1:53"s), at_line("::1"s), at_line("[::1]"s)})},
      {"proxy", at_line("socks5h://127.0.0.1:1080"s)},
      {"api", at_line("http://[::1]:8081/api?mail=a@b"s)},
      {"user", at_line("www-data"s)},
      {"reload", at_line(List{at_line("/bin/sh"s), at_line("-c"s), at_line("nginx -t && true"s)})},
      {"reload", at_line(List{at_line("/usr/bin/find"s), at_line("-exec"s), at_line("x"s), at_line(";"s)})},
  };
  for (const auto& [name, value] : accepts) {
    CAPTURE(name);
    Problems problems;
    CHECK(validate({{"directory", at_line("/x"s)}, {name, value}}, problems).has(name));
    CHECK(problems.empty());
  }
}

TEST_CASE("unknown keys without number make a bounded list of problems in linear time") {
  Table table{{"directory", at_line("/x"s)}};
  for (int i = 0; i < 200'000; ++i) table.emplace_back("unknown_" + std::to_string(i), at_line(true));
  Problems problems;
  validate(table, problems);
  REQUIRE(problems.size() == 21);
  CHECK(problems.back().message == "and 199980 more unknown keys");
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
    const Options options =
        validate({{"contents", at_line(std::move(contents))}, {"directory", at_line("/x"s)}}, problems);
    std::vector<std::pair<std::string, std::string>> texts;
    for (const auto& [name, entry] : options.entries()) texts.emplace_back(name, entry->text);
    return texts;
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
