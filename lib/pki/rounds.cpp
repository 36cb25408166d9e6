#include "pki/rounds.h"

#include "pki/asn1.h"

#include <optional>

#include <fmt/format.h>

namespace everseal::pki {
namespace {

using Pbes1Handle = base::Handle<PBEPARAM, PBEPARAM_free>;
using Pbes2Handle = base::Handle<PBE2PARAM, PBE2PARAM_free>;
using Pbkdf2Handle = base::Handle<PBKDF2PARAM, PBKDF2PARAM_free>;

// The algorithm's parameters where they are a SEQUENCE; empty otherwise.
base::BytesView sequence_of(const X509_ALGOR* algorithm) {
  int type = 0;
  const void* value = nullptr;
  X509_ALGOR_get0(nullptr, &type, &value, algorithm);
  return type == V_ASN1_SEQUENCE ? octets_of(static_cast<const ASN1_STRING*>(value)) : base::BytesView{};
}

int kind_of(const X509_ALGOR* algorithm) {
  const ASN1_OBJECT* object = nullptr;
  X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
  return OBJ_obj2nid(object);
}

std::optional<long> rounds_of(const X509_ALGOR* algorithm) {
  const base::BytesView parameters = sequence_of(algorithm);
  if (kind_of(algorithm) != NID_pbes2) {
    const auto simple = decode_into(Pbes1Handle(PBEPARAM_new()), parameters, d2i_PBEPARAM);
    return simple ? std::optional(ASN1_INTEGER_get(simple->iter)) : std::nullopt;
  }
  const auto scheme = decode_into(Pbes2Handle(PBE2PARAM_new()), parameters, d2i_PBE2PARAM);
  if (!scheme || kind_of(scheme->keyfunc) != NID_id_pbkdf2) return std::nullopt;
  const auto derivation = decode_into(Pbkdf2Handle(PBKDF2PARAM_new()), sequence_of(scheme->keyfunc), d2i_PBKDF2PARAM);
  return derivation ? std::optional(ASN1_INTEGER_get(derivation->iter)) : std::nullopt;
}

}  // namespace

void RoundBudget::spend(const X509_ALGOR& algorithm) {
  const std::optional<long> rounds = rounds_of(&algorithm);
  ERR_clear_error();
  if (rounds) spend(*rounds);
}

void RoundBudget::spend(long rounds) {
  if (rounds < 1 || rounds > left_)
    throw base::Error(base::Fault::invalid,
                      fmt::format("its encryption does not ask for 1 to {} rounds", RoundBudget().left_));
  left_ -= rounds;
}

}  // namespace everseal::pki
