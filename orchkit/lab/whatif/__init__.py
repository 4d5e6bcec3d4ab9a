"""What if: any setting of a recording, or other prices of a comparison, as arrays at once."""

from orchkit.lab.whatif.compared import Compared
from orchkit.lab.whatif.recorded import Recorded
from orchkit.lab.whatif.settings import Setting
from orchkit.lab.whatif.way import Way, differing, oracle_of

__all__ = ["Compared", "Recorded", "Setting", "Way", "differing", "oracle_of"]
