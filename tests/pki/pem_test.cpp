#include "pki/pem.h"

#include "base/text.h"
#include "judge.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace everseal::pki {
namespace {

const std::string kBlock = "-----BEGIN THING-----\nQUJD\n-----END THING-----\n";

TEST_CASE("pem writes lines of 64 columns that openssl reads back") {
  for (const std::size_t size : {1U, 2U, 3U, 47U, 48U, 49U, 96U, 1000U}) {
    CAPTURE(size);
    base::Bytes octets(size);
    for (std::size_t i = 0; i < size; ++i) octets[i] = static_cast<std::uint8_t>(i * 7);
    const std::string text = pem("THING", octets);
    for (const std::string& line : base::split(text, '\n')) CHECK(line.size() <= 64);
    const std::vector<PemBlock> blocks = parse_pem(text);
    REQUIRE(blocks.size() == 1);
    CHECK(blocks[0].label == "THING");
    CHECK(blocks[0].der == octets);
    const std::size_t start = text.find('\n') + 1;
    const std::string body = text.substr(start, text.rfind("-----END") - start);
    CHECK(base::to_bytes(judge::run({"openssl", "base64", "-d"}, base::as_bytes(body))) == octets);
  }
}

TEST_CASE("parse_pem accepts what files really hold") {
  const auto with = [](const std::string& begin, const std::string& end) { return begin + kBlock + end; };
  struct {
    const char* what;
    std::string text;
    std::size_t blocks;
  } accepts[] = {
      {"nothing", "", 0},
      {"text only", "hello\n", 0},
      {"one block", kBlock, 1},
      {"two blocks", kBlock + kBlock, 2},
      {"text around", with("Certificate:\n  Data: x\n", "trailing\n"), 1},
      {"no final line end", kBlock.substr(0, kBlock.size() - 1), 1},
      {"CRLF", "-----BEGIN THING-----\r\nQUJD\r\n-----END THING-----\r\n", 1},
      {"CR alone", "-----BEGIN THING-----\rQUJD\r-----END THING-----\r", 1},
      {"leading blanks", "  -----BEGIN THING-----\n\t QUJD\n  -----END THING-----\n", 1},
      {"trailing blanks", "-----BEGIN THING----- \nQUJD \n-----END THING-----\t\n", 1},
      {"a byte order mark", "\xEF\xBB\xBF" + kBlock, 1},
      {"a header", "-----BEGIN THING-----\nComment: x\n\nQUJD\n-----END THING-----\n", 1},
      {"base64 over lines", "-----BEGIN THING-----\nQU\nJD\n-----END THING-----\n", 1},
  };
  for (const auto& row : accepts) {
    CAPTURE(row.what);
    const std::vector<PemBlock> blocks = parse_pem(row.text);
    REQUIRE(blocks.size() == row.blocks);
    for (const PemBlock& block : blocks) {
      CHECK(block.label == "THING");
      CHECK(base::as_text(block.der) == "ABC");
    }
  }
}

TEST_CASE("parse_pem refuses damage and names its line") {
  struct {
    const char* what;
    std::string text;
    const char* message;
  } rejects[] = {
      {"not closed", "x\n-----BEGIN THING-----\nQUJD\n", "line 2"},
      {"closed by a new block", "-----BEGIN THING-----\nQUJD\n" + kBlock, "not closed"},
      {"labels differ", "-----BEGIN THING-----\nQUJD\n-----END OTHER-----\n", "line 3"},
      {"broken base64", "-----BEGIN THING-----\nQU!D\n-----END THING-----\n", "base64"},
      {"wrong padding", "-----BEGIN THING-----\nQUJDR\n-----END THING-----\n", "base64"},
      {"text after padding", "-----BEGIN THING-----\nQQ==QQ==\n-----END THING-----\n", "base64"},
      {"empty", "-----BEGIN THING-----\n-----END THING-----\n", "empty"},
      {"BEGIN without dashes", "-----BEGIN THING\nQUJD\n-----END THING-----\n", "damaged"},
      {"BEGIN without a label", "-----BEGIN -----\nQUJD\n-----END -----\n", "damaged"},
      {"END without dashes", "-----BEGIN THING-----\nQUJD\n-----END THING---\n", "damaged"},
      {"NUL in base64", std::string("-----BEGIN THING-----\nQU\0D\n-----END THING-----\n", 47), "base64"},
  };
  for (const auto& row : rejects) {
    CAPTURE(row.what);
    CHECK(judge::fault_of([&] { parse_pem(row.text); }) == base::Fault::invalid);
    CHECK(judge::contains(judge::message_of([&] { parse_pem(row.text); }), row.message));
  }
}

TEST_CASE("a key that lost its line breaks is shown nowhere") {
  constexpr std::string_view kSecret = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg3x4aOsx91zTvGutI";
  for (const std::string_view form :
       {"-----BEGIN PRIVATE KEY----- {0} {0} -----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----{0}-----END PRIVATE KEY-----", "-----BEGIN PRIVATE KEY{0}-----",
        "-----BEGIN PRIVATE KEY {0}-----\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\nQUJD\n-----END PRIVATE KEY {0}-----\n", "-----BEGIN {0}-----\nQUJD\n"}) {
    CAPTURE(form);
    const std::string text = fmt::format(fmt::runtime(form), kSecret);
    int faults = 0;
    scan_pem(
        text, [](const PemBlock& block) { FAIL_CHECK(block.label); },
        [&](const PemFault& fault) {
          ++faults;
          CHECK_MESSAGE(fault.why.find(kSecret.substr(0, 20)) == std::string::npos, fault.why);
        });
    CHECK(faults == 1);
  }
}

TEST_CASE("a hostile label is shown without its control characters") {
  const std::string message = judge::message_of([] { parse_pem("-----BEGIN A\x1b[2JB-----\nQUJD\n"); });
  CHECK_FALSE(judge::contains(message, "\x1b"));
  CHECK(judge::contains(message, "[2JB"));
}

TEST_CASE("a traditionally encrypted block keeps its label only") {
  const auto blocks = parse_pem(
      "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nQUJD\n"
      "-----END RSA PRIVATE KEY-----\n");
  REQUIRE(blocks.size() == 1);
  CHECK(blocks[0].label == "RSA PRIVATE KEY");
  CHECK(blocks[0].der.empty());
}

TEST_CASE("a DER file is told from PEM by its first octets") {
  CHECK(looks_like_der(base::Bytes{0x30, 0x82, 0x01, 0x00}));
  CHECK(looks_like_der(base::Bytes{0x30, 0x81, 0x80}));
  CHECK_FALSE(looks_like_der(base::as_bytes(kBlock)));
  CHECK_FALSE(looks_like_der(base::as_bytes("0123")));
  CHECK_FALSE(looks_like_der({}));
}

}  // namespace
}  // namespace everseal::pki
