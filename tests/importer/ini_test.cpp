#include "importer/ini.h"

#include "pki/judge.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

namespace everseal::importer {
namespace {

using nlohmann::json;

// Reads a list of texts as certbot reads its files: what each says, null where it is refused. Debian's own Python has
// the module.
constexpr const char* kConfigObj = R"(
import configobj, json, os, sys, tempfile
def read(text):
    with tempfile.NamedTemporaryFile() as file:
        file.write(text.encode())
        file.flush()
        try:
            return configobj.ConfigObj(file.name, encoding='utf-8', default_encoding='utf-8', interpolation=False).dict()
        except configobj.ConfigObjError:
            return None
print(json.dumps([read(text) for text in json.load(sys.stdin)]))
)";

json read_by_configobj(std::span<const std::string> texts) {
  return json::parse(judge::run({"/usr/bin/python3", "-c", kConfigObj}, base::as_bytes(json(texts).dump())));
}

json to_json(const base::Table& table);

json to_json(const base::Value& value) {
  if (const auto* const text = std::get_if<std::string>(&value.data)) return *text;
  if (const auto* const table = std::get_if<base::Table>(&value.data)) return to_json(*table);
  json list = json::array();
  for (const base::Value& one : std::get<base::List>(value.data)) list.push_back(to_json(one));
  return list;
}

json to_json(const base::Table& table) {
  json object = json::object();
  for (const auto& [key, value] : table) object[key] = to_json(value);
  return object;
}

std::string repeated(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST_CASE("what ConfigObj reads and refuses is read and refused alike") {
  const std::string accepts[] = {
      "",
      "# only a comment\n\n   \n\t# another",
      "a = b",
      "  a\t=\t b  \n",
      "a =",
      "a = b = c",
      "a = b\r\nc = d\r\n",
      "\xef\xbb\xbf"
      "a = b\n",
      // Comments begin anywhere outside of quotes.
      "a = b # c",
      "a = b#c",
      "a = x # 'b'",
      "a = \"a # b\" # c",
      "a = 'b', # c",
      "a = b, c # d, e",
      // Quotes count where a value or a part of a list begins.
      "a = ''",
      "a = \"\"",
      "a = ' x '",
      "a = b'c",
      "a = 'it''s'",
      "a = 'it's'",
      "a = \"it's\"",
      "a = 'say \"x\", twice'",
      "a = echo \"b\" $C",
      // Lists.
      "a = b,",
      "a = b , c,d",
      "a = b, 'c, d' , \"e\"",
      "a = '',",
      "a = ,",
      "a='b',c'd",
      "a = [x]",
      // Three quotes, for what has both of the others or several lines.
      "a = '''echo \"it's\"'''",
      "a = \"\"\"b'c\"\"\" # d\ne = f",
      "a = '''one\n# two\n[three]'''\nb = c",
      "a = ''''''",
      // Sections.
      "a = b\n[c]\nd = e\n[f]\n",
      "[ a ] # b\nc = d",
      "[a]\n[[b]]\nc = d\n[[[e]]]\nf = g\n[[h]]\ni = j\n[k]\nl = m",
      "[a]\nb = c\n[d]\nb = e",
  };
  const std::string rejects[] = {
      "junk",
      "a = b\njunk",
      "= b",
      "a = \"b",
      "a = 'b\n",
      "a = 'b' c",
      "a = b,,c",
      "a = b, , c",
      "a = ,,",
      "a = ,b",
      "a = '''b",
      "a = '''b\n c = d\n",
      "a = '''b''' c",
      "a = b\na = c",
      "[a]\n[a]",
      "a = b\n[a]",
      "[a]\n[[b]]\n[c]\n[a]",
      "[[a]]",
      "[a]\n[[[b]]]",
      "[a",
      "[]",
      "[a]]",
      "[[a]",
      "[a] b",
      "; a",
  };
  const json read = read_by_configobj(accepts);
  for (std::size_t i = 0; i < std::size(accepts); ++i) {
    CAPTURE(accepts[i]);
    CHECK(to_json(parse_ini(accepts[i])) == read.at(i));
  }
  for (const json& none : read_by_configobj(rejects)) CHECK(none.is_null());
  for (const std::string& text : rejects) {
    CAPTURE(text);
    CHECK(judge::fault_of([&] { parse_ini(text); }) == base::Fault::invalid);
  }
}

TEST_CASE("a refusal names the line and shows nothing of it, as it may hold a secret") {
  const struct {
    std::string text;
    const char* line;
  } rejects[] = {
      {"a = b\nhunter2", "line 2 "},
      {"\n\nsecret = \"hunter2", "line 3 "},
      {"a = '''x\ny\nz'''\nhunter2", "line 4 "},
      {"a = '''x\ny''' hunter2", "line 2 "},
      {"secret = hunter2\nsecret = hunter2", "line 2 "},
      {std::string("a = b\nsecret = hunter2\0", 23), "line 2 "},
  };
  for (const auto& [text, line] : rejects) {
    CAPTURE(text);
    const std::string message = judge::message_of([&] { parse_ini(text); });
    CHECK(message.starts_with(line));
    CHECK_FALSE(judge::contains(message, "hunter2"));
  }
}

TEST_CASE("a hostile file takes no more time than a large one") {
  const std::string texts[] = {
      "a = x" + repeated(",", 1'000'000),
      "a = b," + repeated(" ", 1'000'000) + "c",
      "a = " + repeated("'", 1'000'001) + "b",
      repeated("[", 1'000'000),
      repeated("a", 1'000'000),
  };
  for (const std::string& text : texts) {
    CAPTURE(text.substr(0, 20));
    CHECK_NOTHROW(static_cast<void>(judge::fault_of([&] { parse_ini(text); })));
  }
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += std::to_string(i) + "=\n";
  CHECK(parse_ini(many).size() == 100'000);
}

TEST_CASE("values are found by name and type") {
  const base::Table table = parse_ini("text = b\nlist = c, d\n[section]\ntext = e\n");
  CHECK(text_at(table, "text") == "b");
  CHECK(text_at(table, "list").empty());
  CHECK(text_at(table, "section").empty());
  CHECK(text_at(table, "absent").empty());
  CHECK(texts_at(table, "text") == std::vector<std::string>{"b"});
  CHECK(texts_at(table, "list") == std::vector<std::string>{"c", "d"});
  CHECK(texts_at(table, "section").empty());
  CHECK(text_at(table_at(table, "section"), "text") == "e");
  CHECK(table_at(table, "text").empty());
  CHECK(table_at(table, "absent").empty());
}

TEST_CASE("wiping leaves no text of any depth") {
  base::Table table = parse_ini("a = hunter2\nb = hunter2, hunter2\n[c]\nd = hunter2\n");
  wipe(table);
  CHECK_FALSE(judge::contains(to_json(table).dump(), "hunter2"));
  CHECK(text_at(table, "a") == std::string(7, '\0'));
}

}  // namespace
}  // namespace everseal::importer
