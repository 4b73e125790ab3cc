"""Where the energy comes from (`mod_locations`)."""

from collections.abc import Iterator

from pydantic import Field

from ocpi.wire.base import Bool, Checked, ClosedEnum, Contradiction, Many, Number, OpenEnum, String64, Wire


class EnergySourceCategory(ClosedEnum):
    """`mod_locations#mod_locations_energysourcecategory_enum`."""

    NUCLEAR = "NUCLEAR"
    GENERAL_FOSSIL = "GENERAL_FOSSIL"
    COAL = "COAL"
    GAS = "GAS"
    GENERAL_GREEN = "GENERAL_GREEN"
    SOLAR = "SOLAR"
    WIND = "WIND"
    WATER = "WATER"


class EnvironmentalImpactCategory(OpenEnum):
    """`mod_locations#mod_locations_environmentalimpactcategory_enum`."""

    NUCLEAR_WASTE = "NUCLEAR_WASTE"
    CARBON_DIOXIDE = "CARBON_DIOXIDE"


class EnergySource(Checked):
    """`mod_locations#mod_locations_energysource_class`."""

    source: EnergySourceCategory
    percentage: Number  # 0 to 100

    def contradictions(self) -> Iterator[Contradiction]:
        """The range that the class gives."""
        if not 0 <= self.percentage <= 100:
            yield ("percentage",), "Expected a percentage from 0 to 100."


class EnvironmentalImpact(Wire):
    """`mod_locations#mod_locations_environmentalimpact_class`."""

    category: EnvironmentalImpactCategory
    amount: Number  # g/kWh


class EnergyMix(Wire):
    """`mod_locations#mod_locations_energymix_class`. The percentages should add up to 100; a mix that does not is still
    taken.
    """

    is_green_energy: Bool
    energy_sources: Many[EnergySource] = Field(default_factory=list)
    environ_impact: Many[EnvironmentalImpact] = Field(default_factory=list)
    supplier_name: String64 | None = None
    energy_product_name: String64 | None = None
