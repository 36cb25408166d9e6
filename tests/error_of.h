// The error that a piece of work must end with.
#pragma once

#include "base/error.h"

#include <doctest/doctest.h>

namespace everseal {

template <class Work>
base::Error error_of(Work&& work) {
  try {
    work();
  } catch (const base::Error& error) {
    return error;
  }
  FAIL("nothing was thrown");
  return base::Error(base::Fault::internal, "");
}

}  // namespace everseal
