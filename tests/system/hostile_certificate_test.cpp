// A certificate that is made to break whatever shows it goes through every report.
#include "base/text.h"
#include "pki/der.h"
#include "system/mint.h"
#include "system/server.h"

#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::system;

namespace {

const std::string kHostile =
    std::string("=1+1\r\n\x1b[2J</script><!--]]>&amp;\"'|\t\\") + '\0' + "\u202egro.elpmaxe\u2028{}";

base::Bytes hostile_subject() {
  pki::der::Writer name;
  name.nest(pki::der::kSequence, [&] {
    name.nest(pki::der::kSet, [&] {
      name.nest(pki::der::kSequence, [&] {
        name.value(pki::der::kObjectId, pki::der::object_id("commonName"));
        name.text(pki::der::kUtf8String, kHostile);
      });
    });
  });
  return std::move(name).take();
}

base::Bytes ten_thousand_names() {
  constexpr pki::der::Tag kDnsName = pki::der::context(2);
  pki::der::Writer names;
  names.nest(pki::der::kSequence, [&] {
    names.text(kDnsName, kHostile);
    names.text(kDnsName, kServed);
    for (int i = 0; i < 10'000; ++i) names.text(kDnsName, fmt::format("host-{}.example.org", i));
  });
  return std::move(names).take();
}

// What no reader of a report may meet as it is.
std::string harm_in(const std::string& text) {
  if (!base::is_utf8(text)) return "broken UTF-8";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool is_line_end = c == '\n' || (c == '\r' && text.substr(i).starts_with("\r\n"));
    if ((c < 0x20 && !is_line_end) || c == 0x7f) return fmt::format("control character {} at {}", int{c}, i);
  }
  for (const char* const mark : {"\u202e", "\u2028", "=1+1\n", "=1+1\r\n"})
    if (contains(text, mark)) return "the text as it came";
  return {};
}

std::string said_of(const Words& reader, const std::string& text) {
  base::Command how;
  how.input = base::to_bytes(text);
  const base::Exit exit = run(reader, how);
  return exit.success() ? std::string() : transcript(exit);
}

const Words kPython{"python3", "-c"};
// Rows of one length.
constexpr const char* kReadCsv =
    "import csv,io,sys\n"
    "rows=list(csv.reader(io.StringIO(sys.stdin.buffer.read().decode(),newline=''),strict=True))\n"
    "assert len(rows)==2 and len(rows[0])==len(rows[1]), rows\n"
    "assert not any(cell[:1] in '=+-@' and cell[:1] for cell in rows[1] if not cell.lstrip('-').isdigit()), rows\n";
// Elements that begin end where they should, and nothing runs.
constexpr const char* kReadHtml =
    "import sys\n"
    "from html.parser import HTMLParser\n"
    "class Reader(HTMLParser):\n"
    "  open=[]\n"
    "  void={'meta','link','br','hr','img','input','col','wbr','source'}\n"
    "  def handle_starttag(self,tag,attrs):\n"
    "    assert not any(name.startswith('on') for name,_ in attrs), attrs\n"
    "    if tag not in self.void: self.open.append(tag)\n"
    "  def handle_startendtag(self,tag,attrs): pass\n"
    "  def handle_endtag(self,tag):\n"
    "    assert self.open and self.open.pop()==tag, (tag,self.getpos())\n"
    "reader=Reader(); reader.feed(sys.stdin.buffer.read().decode()); reader.close()\n"
    "assert not reader.open, reader.open\n";

}  // namespace

TEST_CASE("a certificate made to break what shows it passes through every report") {
  const Site site;
  const Mint mint(site);
  pki::Template wanted = mint.wanted();
  wanted.subject_der = hostile_subject();
  wanted.identifiers.clear();
  wanted.others.push_back({"2.5.29.17", false, ten_thousand_names()});
  const Nginx nginx(site, "hostile", mint.serve("hostile", wanted));
  site.configure(fmt::format("[audit]\ntrust = [\"{}\"]\n", mint.root_file()));

  const auto reported = [&](const std::string& format) {
    const base::Exit exit =
        site.everseal({"audit", nginx.endpoint(), "--sni", kServed, "--format", format}, {.output_limit = 64 << 20});
    CHECK_MESSAGE(exit.status == 0, transcript(exit).substr(0, 2000));
    CHECK(harm_in(exit.errors) == "");
    return exit.output;
  };
  std::size_t formats = 0;
  const Json kinds = site.json({"kinds"});
  for (const Json& kind : kinds.at("kinds")) {
    if (kind.at("family") != "audit-report") continue;
    const auto format = kind.at("name").get<std::string>();
    CAPTURE(format);
    ++formats;
    const std::string text = reported(format);
    CHECK(harm_in(text) == "");
    CHECK(!text.empty());
    if (format == "json" || format == "sarif") {
      CHECK(Json::parse(text, nullptr, false).is_object());
    } else if (format == "jsonl") {
      std::size_t begin = 0;
      for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
        CHECK(Json::parse(text.substr(begin, end - begin), nullptr, false).is_object());
      CHECK(begin == text.size());
    } else if (format == "csv") {
      Words reader = kPython;
      reader.emplace_back(kReadCsv);
      CHECK(said_of(reader, text) == "");
    } else if (format == "html") {
      Words reader = kPython;
      reader.emplace_back(kReadHtml);
      CHECK(said_of(reader, text) == "");
    } else if (format == "junit") {
      CHECK(said_of({"xmllint", "--noout", "-"}, text) == "");
    } else if (format == "nagios") {
      CHECK(text.find('\n') == text.size() - 1);
    }
  }
  CHECK(formats >= 9);
  const Json certificate = Json::parse(reported("json"))["places"][0]["certificates"][0];
  CHECK(certificate["names"].size() == 10'002);

  // What remembers it shows it too.
  const auto fingerprint = certificate["fingerprint"].get<std::string>();
  const std::vector<Words> commands{
      {"list", "--seen"}, {"show", fingerprint}, {"inspect", nginx.endpoint()}, {"history"}};
  for (const Words& command : commands) {
    CAPTURE(command.front());
    const base::Exit exit = site.everseal(command, {.output_limit = 64 << 20});
    CHECK(harm_in(exit.output) == "");
    CHECK(harm_in(exit.errors) == "");
    CHECK(!exit.output.empty());
  }
}
