// Buy till you die: how often, how recently and since when customers have bought.
#pragma once

#include "pycore/histories/likelihood.hpp"

#include <cstdint>
#include <vector>

namespace pycore::histories {

// log of u (u + 1) ⋯ (u + xᵢ − 1), summed over customers, by how many of them have x > j.
class RisingFactorials {
  public:
    void add(std::int64_t count, double weight);

    // The sum; adds its derivative by u.
    double evaluate(double u, double& derivative) const;

  private:
    std::vector<double> beyond_; // (largest count)
};

// Customers with one number x of repeat purchases; rows padded with weight 0 to a multiple of 8.
struct PurchaseGroup {
    double count;
    double weight;     // customers
    Index first, size; // rows
    Index real;        // rows that are not padding
};

// Different rows (x, tₓ, T), sorted by x; `weight` says how many customers share one.
struct Customers {
    Customers(const std::vector<std::int64_t>& count, const std::vector<double>& recency,
              const std::vector<double>& age, const std::vector<double>& weight);

    std::vector<PurchaseGroup> groups;
    std::vector<double> recency, age, weight; // padded
    RisingFactorials rising;
    Index rows;
};

class PurchaseModel : public Likelihood {
  public:
    PurchaseModel(Customers customers, const char* isa);

    Index size() const override { return 4; }
    Index units() const override { return customers_.rows; }
    void pointwise(const double* theta, double* out) const override;

    // Probability that each row's customers have not left.
    void alive(const double* theta, double* out) const;

  protected:
    // Both outputs, of every row, where they are asked for.
    virtual void by_row(const double* theta, double* log_likelihood, double* alive) const = 0;

    Customers customers_;
    const char* isa_;
};

// θ = r, α, a, b.
class BgNbd : public PurchaseModel {
  public:
    BgNbd(Customers customers, const char* isa);
    double evaluate(const double* theta, double* gradient) const override;

  protected:
    void by_row(const double* theta, double* log_likelihood, double* alive) const override;

  private:
    // Customers and their purchases by age: (r + x) log(α + T) is summed over few different ages.
    std::vector<double> ages_, customers_of_age_, purchases_of_age_;
};

// θ = r, α, s, β.
class ParetoNbd : public PurchaseModel {
  public:
    using PurchaseModel::PurchaseModel;
    double evaluate(const double* theta, double* gradient) const override;

  protected:
    void by_row(const double* theta, double* log_likelihood, double* alive) const override;
};

// Shifted beta-geometric (Fader and Hardie 2007, doi:10.1002/dir.20074): of those who stayed `j`
// renewals, `stayed[j]` renewed once more and `left[j]` did not.  θ = α, β of the chance to leave.
class Retention : public Likelihood {
  public:
    Retention(std::vector<double> stayed, std::vector<double> left);

    Index size() const override { return 2; }
    Index units() const override { return stayed_.size(); }
    double evaluate(const double* theta, double* gradient) const override;
    void pointwise(const double* theta, double* out) const override;

  private:
    std::vector<double> stayed_, left_;
};

} // namespace pycore::histories
