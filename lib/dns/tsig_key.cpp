#include "dns/tsig_key.h"

#include "base/error.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include <fmt/format.h>

namespace everseal::dns {
namespace {

using base::Error;
using base::Fault;

constexpr std::array<std::string_view, 6> kAlgorithms{"hmac-sha256", "hmac-sha512", "hmac-sha384",
                                                      "hmac-sha224", "hmac-sha1",   "hmac-md5"};

// Words, quoted strings without their quotes, and the signs { } ; by themselves. Views into `text`.
std::vector<std::string_view> tokens_of(std::string_view text) {
  std::vector<std::string_view> tokens;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      ++at;
    } else if (c == '#' || text.substr(at, 2) == "//") {
      at = std::min(text.find('\n', at), text.size());
    } else if (c == '{' || c == '}' || c == ';') {
      tokens.push_back(text.substr(at++, 1));
    } else if (c == '"') {
      const std::size_t end = std::min(text.find('"', at + 1), text.size());
      tokens.push_back(text.substr(at + 1, end - at - 1));
      at = end + 1;
    } else {
      const std::size_t end = std::min(text.find_first_of(" \t\r\n{};\"", at), text.size());
      tokens.push_back(text.substr(at, end - at));
      at = end;
    }
  }
  return tokens;
}

std::optional<std::string_view> after(const std::vector<std::string_view>& tokens, std::string_view word) {
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i)
    if (tokens[i] == word) return tokens[i + 1];
  return std::nullopt;
}

}  // namespace

TsigKey parse_tsig_key(const base::Secret& text) {
  const std::vector<std::string_view> tokens = tokens_of(text.reveal_text());
  const auto name = after(tokens, "key"), algorithm = after(tokens, "algorithm"), secret = after(tokens, "secret");
  constexpr const char* kForm = "its form is: key \"NAME\" { algorithm hmac-sha256; secret \"BASE64\"; };";
  if (!name || !algorithm || !secret)
    throw Error(Fault::config, "the TSIG key file lacks key, algorithm or secret", kForm);
  TsigKey key;
  key.name = base::lower(*name);
  if (key.name.ends_with('.')) key.name.pop_back();
  key.algorithm = base::lower(*algorithm);
  if (std::ranges::find(kAlgorithms, key.algorithm) == kAlgorithms.end())
    throw Error(Fault::config,
                fmt::format("the TSIG algorithm {} is unknown", base::printable(key.algorithm.substr(0, 40))), kForm);
  if (key.algorithm == "hmac-md5") key.algorithm = "hmac-md5.sig-alg.reg.int";
  const auto octets = base::from_base64(*secret);
  if (!octets || octets->empty()) throw Error(Fault::config, "the secret of the TSIG key is not base64", kForm);
  key.secret = base::Secret(*secret);
  return key;
}

}  // namespace everseal::dns
