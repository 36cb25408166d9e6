#include "pki/jwk.h"

#include "base/error.h"
#include "base/text.h"
#include "pki/der.h"
#include "pki/pem.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::pki {
namespace {

using base::Error;
using base::Fault;
using base::Secret;

constexpr std::size_t kLargestJwk = 1 << 16;  // octets; an RSA key of 4096 bits takes 3.5 kB

// The members of a key, wiped when it ends.
class Members {
 public:
  explicit Members(const Secret& text) {
    if (text.size() <= kLargestJwk) json_ = nlohmann::json::parse(text.reveal_text(), nullptr, false);
    if (!json_.is_object()) throw Error(Fault::invalid, "the key is no JSON Web Key");
  }
  ~Members() {
    for (auto& member : json_)
      if (auto* const text = member.get_ptr<std::string*>()) base::wipe(text->data(), text->size());
  }
  Members(const Members&) = delete;
  Members& operator=(const Members&) = delete;

  std::string text(const char* name) const {
    const auto found = json_.find(name);
    return found != json_.end() && found->is_string() ? found->get<std::string>() : std::string();
  }

  Secret octets(const char* name) const {
    const auto found = json_.find(name);
    const auto* const text = found == json_.end() ? nullptr : found->get_ptr<const std::string*>();
    auto bytes = text == nullptr ? std::nullopt : base::from_base64url(*text);
    if (!bytes || bytes->empty())
      throw Error(Fault::invalid, fmt::format("the JSON Web Key has no member {}, or it is not base64url", name));
    Secret secret(*bytes);
    base::wipe(bytes->data(), bytes->size());
    return secret;
  }

 private:
  nlohmann::json json_;
};

PrivateKey parse_as(std::string_view label, der::Writer&& writer) {
  base::Bytes encoded = std::move(writer).take();
  std::string text = pem(label, encoded);
  base::wipe(encoded.data(), encoded.size());
  return PrivateKey::parse(Secret::take(text));
}

// RSAPrivateKey, RFC 8017 appendix A.1.2.
PrivateKey rsa(const Members& members) {
  der::Writer writer(kLargestJwk);
  writer.nest(der::kSequence, [&] {
    writer.unsigned_integer(base::Bytes{0});
    for (const char* const name : {"n", "e", "d", "p", "q", "dp", "dq", "qi"})
      writer.unsigned_integer(members.octets(name).reveal());
  });
  return parse_as("RSA PRIVATE KEY", std::move(writer));
}

// ECPrivateKey, RFC 5915 section 3.
PrivateKey ec(const Members& members) {
  struct Curve {
    std::string_view name;
    const char* object;
    std::size_t octets;
  };
  constexpr Curve kCurves[] = {{"P-256", "prime256v1", 32}, {"P-384", "secp384r1", 48}};
  const std::string named = members.text("crv");
  for (const Curve& curve : kCurves) {
    if (curve.name != named) continue;
    const Secret d = members.octets("d"), x = members.octets("x"), y = members.octets("y");
    if (d.size() != curve.octets || x.size() != curve.octets || y.size() != curve.octets)
      throw Error(Fault::invalid, fmt::format("the numbers of the JSON Web Key are not as wide as {}", named));
    base::Bytes point{4};
    for (const Secret* const coordinate : {&x, &y})
      point.insert(point.end(), coordinate->reveal().begin(), coordinate->reveal().end());
    der::Writer writer(kLargestJwk);
    writer.nest(der::kSequence, [&] {
      writer.unsigned_integer(base::Bytes{1});
      writer.value(der::kOctetString, d.reveal());
      writer.nest(der::context_constructed(0), [&] { writer.value(der::kObjectId, der::object_id(curve.object)); });
      writer.nest(der::context_constructed(1), [&] { writer.bit_string(point); });
    });
    return parse_as("EC PRIVATE KEY", std::move(writer));
  }
  throw Error(Fault::invalid, fmt::format("the JSON Web Key is on the curve '{}'", base::printable(named)),
              "P-256 and P-384 are used here");
}

}  // namespace

PrivateKey parse_jwk(const Secret& json) {
  const Members members(json);
  const std::string type = members.text("kty");
  if (type == "RSA") return rsa(members);
  if (type == "EC") return ec(members);
  throw Error(Fault::invalid, fmt::format("the JSON Web Key is of type '{}'", base::printable(type)),
              "RSA and EC are used here");
}

}  // namespace everseal::pki
