#include "report/report.h"

#include "base/error.h"
#include "report/json.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace everseal;
using namespace everseal::report;
using nlohmann::json;

namespace {

const Column kColumns[] = {{"name", "NAME"}, {"days", "DAYS", Align::right}, {"names", "NAMES"}};

using Rows = std::vector<std::vector<Cell>>;

std::string shown(std::string_view kind, const Rows& rows, std::optional<std::size_t> width = std::nullopt,
                  Emphasis emphasis = Emphasis::none) {
  std::string out;
  const auto sink = require_kind(kind).open(
      {.write = [&](std::string_view text) { out += text; }, .width = width, .emphasis = emphasis});
  sink->begin("things", kColumns);
  for (const auto& row : rows) sink->row(row);
  sink->end();
  return out;
}

const Rows kRows{{"www", 89, std::vector<std::string>{"www.example.org", "example.org"}}, {"a-longer-name", 7, Cell()}};

// Every control byte but the line end, and the override that turns text around.
bool is_harmless(std::string_view text) {
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f) return false;
  }
  return text.find("\u202e") == std::string_view::npos;
}

}  // namespace

TEST_CASE("a table lines its columns up") {
  CHECK(shown("table", kRows) ==
        "NAME           DAYS  NAMES\n"
        "www              89  www.example.org, example.org\n"
        "a-longer-name     7  -\n");
}

TEST_CASE("a table is cut to the terminal, the widest column first") {
  const std::string text = shown("table", kRows, 40);
  CHECK(text ==
        "NAME           DAYS  NAMES\n"
        "www              89  www.example.org, e…\n"
        "a-longer-name     7  -\n");
  for (const std::size_t width : {20U, 30U, 50U, 80U}) {
    CAPTURE(width);
    for (const std::string& line : base::split(shown("table", kRows, width), '\n')) {
      CHECK(base::columns(line) <= std::max<std::size_t>(width, 8 + 2 + 4 + 2 + 8));
    }
  }
}

namespace {

const Column kNarrowing[] = {{"number", "#", Align::right, Narrow::keep},
                             {"when", "WHEN", Align::left, Narrow::keep},
                             {"who", "WHO", Align::left, Narrow::cut, 2},
                             {"key", "KEY", Align::left, Narrow::cut, 1},
                             {"detail", "DETAIL", Align::left, Narrow::wrap}};

std::string narrowed(std::size_t width, const Rows& rows) {
  std::string out;
  const auto sink = require_kind("table").open({.write = [&](std::string_view text) { out += text; }, .width = width});
  sink->begin("things", kNarrowing);
  for (const auto& row : rows) sink->row(row);
  sink->end();
  return out;
}

}  // namespace

TEST_CASE("where there is no room, columns go before anything is cut, and the last one is wrapped") {
  const Rows rows{{1, "2026-11-29T15:40:00Z", "root", "ECDSA P-256", "one two three four five"},
                  {12, "2026-11-30T15:40:00Z", "root", "ECDSA P-256", Cell()}};
  CHECK(narrowed(80, rows) ==
        " #  WHEN                  WHO   KEY          DETAIL\n"
        " 1  2026-11-29T15:40:00Z  root  ECDSA P-256  one two three four five\n"
        "12  2026-11-30T15:40:00Z  root  ECDSA P-256  -\n");
  CHECK(narrowed(42, rows) ==
        " #  WHEN                  KEY\n"
        " 1  2026-11-29T15:40:00Z  ECDSA P-256\n"
        "    one two three four five\n"
        "12  2026-11-30T15:40:00Z  ECDSA P-256\n");
  CHECK(narrowed(30, rows) ==
        " #  WHEN\n"
        " 1  2026-11-29T15:40:00Z\n"
        "    one two three four five\n"
        "12  2026-11-30T15:40:00Z\n");
}

TEST_CASE("what must not be cut goes over its column, and its row goes on in the next line") {
  const Rows rows{{1, "2026-11-29T15:40:00Z-and-much-longer-than-that", "", "", "x"}, {2, "short", "", "", "y"}};
  for (const std::size_t width : {30U, 40U, 50U}) {
    CAPTURE(width);
    CHECK(narrowed(width, rows).find("2026-11-29T15:40:00Z-and-much-longer-than-that\n") != std::string::npos);
  }
}

TEST_CASE("what is longer than the rest of its line has one of its own") {
  const Column columns[] = {{"when", "WHEN", Align::left, Narrow::keep},
                            {"of", "OF", Align::left, Narrow::keep},
                            {"detail", "DETAIL", Align::left, Narrow::wrap}};
  const std::string name(55, 'n');
  std::string out;
  const auto sink = require_kind("table").open({.write = [&](std::string_view text) { out += text; }, .width = 60});
  sink->begin("things", columns);
  sink->row(std::vector<Cell>{"2026-11-29T15:40:00Z", "short", "one two"});
  sink->row(std::vector<Cell>{"2026-11-29T15:40:00Z", name, "one two"});
  sink->end();
  CHECK_MESSAGE(out.find("2026-11-29T15:40:00Z\n    " + name + "\n    one two\n") != std::string::npos, out);
  CHECK_MESSAGE(out.find("2026-11-29T15:40:00Z  short") != std::string::npos, out);
  for (const std::string& line : base::split(out, '\n')) CHECK_MESSAGE(base::columns(line) <= 60, line);
}

TEST_CASE("cells are coloured where that is wanted, and only there") {
  const Rows rows{{Cell("expired", Tone::bad), 1, Cell()}};
  CHECK(shown("table", rows).find('\x1b') == std::string::npos);
  CHECK(shown("table", rows, 60, Emphasis::colours).find("\x1b[31mexpired\x1b[0m  ") != std::string::npos);
  CHECK(json::parse(shown("json", rows))["things"][0]["name"] == "expired");
}

TEST_CASE("wide letters keep a table straight") {
  const std::string text = shown("table", {{"日本語", 1, "x"}, {"abc", 2, "y"}});
  const auto lines = base::split(text, '\n');
  CHECK(base::columns(lines[1]) == base::columns(lines[2]));
  for (const std::string& line :
       base::split(shown("table", {{std::string("日本語日本語日本語日本語"), 1, "x"}}, 24), '\n')) {
    CHECK(base::columns(line) <= 24);
  }
}

TEST_CASE("a table without rows says nothing") { CHECK(shown("table", {}) == ""); }

TEST_CASE("the heading is bold, and only where that is asked for") {
  const std::string text = shown("table", kRows, std::nullopt, Emphasis::colours);
  CHECK(text.starts_with("\x1b[1mNAME\x1b[0m  "));
  CHECK(text.rfind('\x1b') < text.find('\n'));
}

TEST_CASE("rows beyond the measured ones stay in their columns") {
  Rows rows(2500, {"x", 1, "end"});
  rows[2000] = {"far wider than any that was measured", 1, "end"};
  const auto lines = base::split(shown("table", rows, 30), '\n');
  CHECK(lines.size() == 2502);
  for (const std::string& line : lines) CHECK(base::columns(line) <= 30);
  CHECK(shown("table", rows).find("far wider than any that was measured  ") != std::string::npos);
}

TEST_CASE("JSON carries types and parses") {
  const json document = json::parse(shown("json", kRows));
  CHECK(
      document ==
      json::parse(R"({"everseal_format":1,"things":[{"name":"www","days":89,"names":["www.example.org","example.org"]},
                                  {"name":"a-longer-name","days":7,"names":null}]})"));
  CHECK(json::parse(shown("json", {})) == json::parse(R"({"everseal_format":1,"things":[]})"));
  const json typed = json::parse(shown("json", {{true, base::from_unix(0), std::vector<std::string>{}}}));
  CHECK(typed["things"][0] == json::parse(R"({"name":true,"days":"1970-01-01T00:00:00Z","names":[]})"));
  CHECK(json::parse(shown("json", Rows(5000, kRows[0])))["things"].size() == 5000);
}

TEST_CASE("hostile text is harmless in every format") {
  const std::string hostile("\x1b[2J\r\n\0\u202e\xff\x9b\"\\", 14);
  const Rows rows{{base::Untrusted(hostile), 1, std::vector<std::string>{hostile, "ok"}}};
  for (const Kind* kind : kinds()) {
    CAPTURE(kind->name);
    const std::string text = shown(kind->name, rows, 60);
    CHECK(is_harmless(text));
    CHECK(text.find(hostile) == std::string::npos);
  }
}

TEST_CASE("an unknown format is a usage error that lists the known ones") {
  try {
    require_kind("yaml");
    FAIL_CHECK("was accepted");
  } catch (const base::Error& error) {
    CHECK(error.fault() == base::Fault::usage);
    CHECK(error.hint() == "known are json, table");
  }
}

TEST_CASE("the JSON writer nests, indents and balances") {
  JsonWriter writer;
  writer.begin_object().key("a").number(-1).key("b").begin_array().end_array();
  writer.key("c").begin_array().begin_object().key("d").null().key("e").boolean(false).end_object().end_array();
  writer.key("f").texts(std::vector<std::string>{"x", "y"}).end_object();
  CHECK(writer.written() ==
        "{\n  \"a\": -1,\n  \"b\": [],\n  \"c\": [\n    {\"d\":null,\"e\":false}\n  ],\n  \"f\": [\n    \"x\",\n    "
        "\"y\"\n  ]\n}\n");
  CHECK(json::parse(writer.written())["c"][0]["e"] == false);
}
