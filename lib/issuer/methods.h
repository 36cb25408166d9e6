// The ways in which the names of an ACME issuer are proved, in the order in which they are tried.
#pragma once

#include "base/options.h"
#include "challenge/challenge.h"

#include <span>
#include <vector>

namespace everseal::issuer {

// Those of the config that have zones, then what `options`, those of the kind `acme`, prefer, then the others of the
// config. Error(config) where the options prefer a challenge that the config does not have.
std::vector<challenge::Method> methods_of(const base::Options& options, std::span<const challenge::Method> configured);

}  // namespace everseal::issuer
