// Directories such as other clients leave, with keys and certificates made here, and what was found in them as text.
#pragma once

#include "base/text.h"
#include "config/fixture.h"
#include "config/fragment.h"
#include "fakes/temporary_directory.h"
#include "importer/foreign_files.h"
#include "importer/importer.h"
#include "pki/issued.h"
#include "pki/judge.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace everseal::importer::testing {

namespace fs = std::filesystem;
using pki::KeyType;

class Tree {
 public:
  const std::string& path() const noexcept { return folder_.path(); }
  std::string operator/(const std::string& name) const { return folder_ / name; }
  // With the folders above it.
  std::string write(const std::string& name, std::string_view text) const {
    fs::create_directories(fs::path(folder_ / name).parent_path());
    std::ofstream file(folder_ / name, std::ios::binary);
    file << text;
    REQUIRE(file.flush());
    return folder_ / name;
  }
  void link(const std::string& name, const std::string& target) const {
    fs::create_directories(fs::path(folder_ / name).parent_path());
    fs::remove(folder_ / name);
    fs::create_symlink(target, folder_ / name);
  }
  void make_folder(const std::string& name) const { fs::create_directories(folder_ / name); }

 private:
  fakes::TemporaryDirectory folder_;
};

enum class Age { fresh, expired };

// A leaf under an intermediate, with a key of its own.
struct Issued {
  pki::PrivateKey key;
  std::vector<pki::Certificate> chain;  // leaf first, without the root

  explicit Issued(const std::vector<std::string>& names, int number = 0, KeyType type = KeyType::ecdsa_p256,
                  Age age = Age::fresh)
      : key(pki::testing::key_of(type, 100 + number)) {
    static const pki::testing::Authority intermediate = pki::testing::make_intermediate(pki::testing::make_root());
    pki::Template wanted = pki::testing::server_template("www.example.org", key);
    wanted.subject = {};
    wanted.identifiers.clear();
    for (const std::string& name : names) wanted.identifiers.push_back(pki::Identifier::parse(name));
    if (age == Age::expired) {
      wanted.not_before = pki::testing::kNow - 91 * pki::testing::kDay;
      wanted.not_after = pki::testing::kNow - pki::testing::kDay;
    }
    chain = {pki::testing::issue(wanted, intermediate), intermediate.certificate};
  }

  std::string leaf_pem() const { return chain.front().pem(); }
  std::string issuer_pem() const { return chain.back().pem(); }
  std::string chain_pem() const { return leaf_pem() + issuer_pem(); }
  std::string key_pem() const { return std::string(key.pem().reveal_text()); }  // PKCS#8
};

// A self-signed certificate whose key, such as "rsa:1024", "ed448" or "ec", which is of the curve P-521, is of no type
// that we use.
struct UnusedKey {
  std::string certificate_pem, key_pem;

  UnusedKey(const std::string& type, const std::string& name) {
    const Tree tree;
    std::vector<std::string> command{"openssl", "req",
                                     "-x509",   "-nodes",
                                     "-newkey", type,
                                     "-subj",   "/",
                                     "-addext", "subjectAltName=DNS:" + name,
                                     "-keyout", tree / "key",
                                     "-out",    tree / "certificate"};
    if (type == "ec") command.insert(command.end(), {"-pkeyopt", "ec_paramgen_curve:P-521"});
    judge::run(command, {});
    certificate_pem = base::as_text(base::read_file(tree / "certificate", 1 << 20));
    key_pem = base::as_text(base::read_file(tree / "key", 1 << 20));
  }
};

// "EC PRIVATE KEY" or "RSA PRIVATE KEY", as another program writes it.
inline std::string traditional_pem(const pki::PrivateKey& key) {
  return judge::run({"openssl", "pkey", "-traditional"}, key.pem().reveal());
}

inline std::string to_text(const base::Value& value) {
  if (const auto* const text = std::get_if<std::string>(&value.data)) return *text;
  if (const auto* const number = std::get_if<std::int64_t>(&value.data)) return std::to_string(*number);
  std::vector<std::string> parts;
  for (const base::Value& one : std::get<base::List>(value.data)) parts.push_back(to_text(one));
  return "[" + base::join(parts, " ") + "]";
}

// "http-01 *.example.org a.example.org port=5002"; secrets as name:"what they hold".
inline std::string to_text(const Challenge& challenge) {
  std::vector<std::string> names;
  for (const pki::Identifier& name : challenge.names) names.push_back(name.text());
  std::ranges::sort(names);
  std::string text = challenge.type + " " + base::join(names, " ");
  for (const auto& [name, value] : challenge.options) text += fmt::format(" {}={}", name, to_text(value));
  for (const auto& [name, secret] : challenge.secrets) text += fmt::format(" {}:\"{}\"", name, secret.reveal_text());
  return text;
}

inline std::string challenges_of(const Lineage& lineage) {
  std::vector<std::string> texts;
  for (const Challenge& challenge : lineage.challenges) texts.push_back(to_text(challenge));
  return base::join(texts, " | ");
}

// "SUBJECT: TEXT (ADVICE)", one a line; "! " before what could not be read.
inline std::string remarks_of(const Found& found) {
  std::string text;
  for (const Remark& remark : found.remarks)
    text += fmt::format("{}{}: {} ({})\n", remark.kind == Remark::Kind::unreadable ? "! " : "", remark.subject,
                        remark.text, remark.advice);
  return text;
}

inline const Lineage& lineage_of(const Found& found, std::string_view label) {
  const auto lineage = std::ranges::find(found.lineages, label, &Lineage::label);
  REQUIRE_MESSAGE(lineage != found.lineages.end(), remarks_of(found));
  return *lineage;
}

inline std::string labels_of(const Found& found) {
  std::vector<std::string> labels;
  for (const Lineage& lineage : found.lineages) labels.push_back(lineage.label);
  return base::join(labels, ", ");
}

// What a terminal would show as it is.
inline bool is_printable(std::string_view text) {
  return base::is_utf8(text) &&
         std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f || c == 0xc2; });
}

inline void check_all_is_printable(const Found& found) {
  for (const Account& account : found.accounts) CHECK(is_printable(account.label));
  for (const Lineage& lineage : found.lineages) CHECK(is_printable(lineage.label));
  for (const Remark& remark : found.remarks) {
    CAPTURE(remark.text);
    CHECK(is_printable(remark.subject));
    CHECK(is_printable(remark.text));
    CHECK(is_printable(remark.advice));
    CHECK(remark.text.size() < 2000);
  }
}

// The config takes every challenge, as import would write it.
inline void check_challenges_are_valid(const Found& found) {
  const Tree tree;
  const config::Files files = config::files(tree.write("everseal.toml", "config_version = 1\n"), tree.path());
  config::Draft draft(files, config::kinds());
  int number = 0;
  for (const Lineage& lineage : found.lineages)
    for (const Challenge& challenge : lineage.challenges) {
      config::Fragment fragment{"challenge", base::Name::parse(fmt::format("c{}", ++number)), challenge.options};
      fragment.options.emplace_back("type", base::text_value(challenge.type));
      std::set<std::string> zones;
      for (const pki::Identifier& name : challenge.names)
        if (const std::string zone = zone_of(name); !zone.empty()) zones.insert(zone);
      fragment.options.emplace_back("zones", base::list_value({zones.begin(), zones.end()}));
      for (const auto& [option, secret] : challenge.secrets)
        fragment.options.emplace_back(option, base::text_value(tree / "secret"));
      CHECK_NOTHROW(draft.add(fragment));
    }
  CHECK_NOTHROW(draft.write());
}

inline Found read_as(std::string_view client, const std::string& directory) {
  Found found = find_kind(client)->read(directory);
  check_all_is_printable(found);
  return found;
}

}  // namespace everseal::importer::testing
