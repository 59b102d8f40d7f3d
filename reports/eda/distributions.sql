-- Volatility and its decimal logarithm. A volatility of 0 has no logarithm.
SELECT * FROM profile('
    SELECT forward_vol, current_vol,
           CASE WHEN forward_vol > 0 THEN log10(forward_vol) END AS log10_forward_vol,
           CASE WHEN current_vol > 0 THEN log10(current_vol) END AS log10_current_vol
    FROM $rows')
